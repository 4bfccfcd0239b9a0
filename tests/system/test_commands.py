"""The commands a user types, without a proxy running."""

import os
import re
import shutil
import signal
import ssl
import subprocess
import urllib.request

from harness import deadline, process, sanitize, until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _run(t, *args, **options):
    return subprocess.run([t.binary] + list(args), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False,
                          text=True, **options)


@sanitize
def version_and_help_say_what_is_asked(t):
    done = _run(t, "version")
    assert done.returncode == 0, done
    for word in ("detour", "OpenSSL", "libevent", "c-ares"):
        assert word.lower() in done.stdout.lower(), done.stdout
    for args in (["help"], ["--help"]):
        done = _run(t, *args)
        assert done.returncode == 0, done
        for command in ("run", "check", "demo", "status", "version"):
            assert command in done.stdout, done.stdout
    for command in ("run", "check", "demo", "status", "version"):
        done = _run(t, command, "--help")
        assert done.returncode == 0 and command in done.stdout, (command, done)


@sanitize
def wrong_usage_is_exit_2_with_a_hint(t):
    for args in ([], ["frobnicate"], ["run"], ["check"], ["run", "--no-such-option"],
                 ["check", "-c"], ["status", "surplus"]):
        done = _run(t, *args)
        assert done.returncode == 2, (args, done)
        assert done.stderr.strip(), args


@sanitize
def check_accepts_what_run_accepts_and_says_what_it_serves(t):
    p = t.proxy(start=False, regions={"us-east-1": [t.origin("east")], "us-west-2": [t.origin()]})
    code, text = p.check()
    assert code == 0, text
    for word in ("web", "shop", "us-east-1", "us-west-2"):
        assert word in text, (word, text)


@sanitize
def check_names_file_line_and_remedy_of_every_error(t):
    p = t.proxy(start=False, regions={"us-east-1": [t.origin("east")]})
    p.write(text='workers = 1;\n'
                 'wrokers = 2;\n'
                 'listeners = ( { name = "a"; bind = "127.0.0.1:1"; tls = "nope"; } );\n'
                 'regions = ( { name = "r"; } );\n'
                 'services = ( { name = "s"; timeouts = { connect = 5; };\n'
                 '  regions = ( { region = "r"; endpoints = ( "http://127.0.0.1:1" ); } ); } );\n'
                 'routes = ( { path = "no-slash"; service = "z"; } );\n')
    code, text = p.check()
    assert code == 1, text
    for line, word in ((2, "workers"), (3, "nope"), (5, "connect"), (7, "no-slash"), (7, "z")):
        assert re.search(r"detour\.conf:%d:.*%s" % (line, re.escape(word)), text), (line, word, text)


@sanitize
def a_file_without_its_option_is_answered_with_the_option(t):
    p = t.proxy(start=False, regions={"us-east-1": [t.origin("east")]})
    for command in ("check", "run"):
        done = subprocess.run([t.binary, command, p.conf_path], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=60, check=False, text=True)
        assert done.returncode == 2, done
        assert done.stderr.startswith(
            "detour: which configuration? write -c %s\n" % p.conf_path), done


@sanitize
def what_check_warns_of_is_warned_of_at_the_start_and_by_a_reload(t):
    east = t.origin("east")
    p = t.proxy(regions={"east": [east], "west": [east]})
    said = " of region \"west\" is in region \"east\" too ("
    assert said in p.check()[1], p.check()
    p.until_logged(said)
    assert p.reload_now()
    until(lambda: p.log_text().count(said) == 2, "the reload warns too", 5)


@sanitize
def check_refuses_a_log_that_run_could_not_open(t):
    p = t.proxy(start=False, regions={"us-east-1": [t.origin("east")]})
    p.write(log='access = "%s/none/access.log";' % p.directory)
    code, text = p.check()
    assert code == 1, text
    assert re.search(r"detour\.conf:\d+: access: there is no directory \S+/none\" .*; create it",
                     text), text
    os.mkdir(os.path.join(p.directory, "none"))
    assert p.check()[0] == 0, p.check()


@sanitize
def a_file_that_is_not_there_is_exit_1(t):
    done = _run(t, "check", "-c", "/nonexistent/detour.conf")
    assert done.returncode == 1 and "/nonexistent/detour.conf" in done.stderr + done.stdout, done


@sanitize
def environment_variables_stand_in_strings(t):
    origin = t.origin("east")
    p = t.proxy(start=False, regions={"us-east-1": ["http://${ORIGIN_HOST}:${ORIGIN_PORT:-1}"]})
    os.environ["ORIGIN_HOST"], os.environ["ORIGIN_PORT"] = origin.address, str(origin.port)
    p.start()
    p.get("/").expect(200, "east")
    del os.environ["ORIGIN_HOST"]
    code, text = p.check()
    assert code == 1 and "ORIGIN_HOST" in text, text


@sanitize
def every_sample_configuration_is_valid(t):
    tls = t.directory("tls")
    pair = t.pki.site()
    for name in ("site", "example", "default"):
        for source, suffix in ((pair.chain, ".crt"), (pair.key, ".key")):
            with open(source) as f, open(os.path.join(tls, name + suffix), "w") as g:
                g.write(f.read())
    found = 0
    for root, _, files in os.walk(os.path.join(ROOT, "conf")):
        for file in files:
            if file.endswith(".conf"):
                found += 1
                with open(os.path.join(root, file)) as f:
                    made = "DETOUR_TLS_DIR" in f.read()
                if not made:
                    continue
                done = _run(t, "check", "-c", os.path.join(root, file),
                            env={**os.environ, "DETOUR_TLS_DIR": tls, "DETOUR_LOG_DIR": tls})
                text = done.stdout + done.stderr
                assert done.returncode == 0 or "No such file" in text, (file, text)
    assert found >= 3, "samples are there"


def the_quickstart_tells_what_it_does_before_it_does_anything(t):
    copy = os.path.join(t.directory("clone"), "deploy", "quickstart.sh")
    os.mkdir(os.path.dirname(copy))
    shutil.copy(os.path.join(ROOT, "deploy", "quickstart.sh"), copy)  # nothing to build there
    for word in ("--help", "-h"):
        told = process.run([copy, word])
        assert told.startswith("From a fresh Debian 12") and "--check" in told, told
    assert os.listdir(os.path.dirname(os.path.dirname(copy))) == ["deploy"]


@sanitize
@deadline(90)
def the_demo_serves_loses_a_region_and_ends_without_leftovers(t):
    out = t.directory("demo") + "/out"
    port = t.lease.port("0.0.0.0")
    with open(out, "wb") as f:
        demo = process.spawn([t.binary, "demo", "--port", str(port)], stdout=f, stderr=f)
    t.at_end(lambda: demo.poll() is None and demo.kill())

    def said():
        with open(out, errors="replace") as f:
            return f.read()

    until(lambda: re.search(r"https://\S+:\d+", said()), "it prints its URL", 20)
    url = re.search(r"https://[^\s:]+:\d+", said()).group(0)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    def region():
        with urllib.request.urlopen(url + "/", context=context, timeout=10) as answer:
            assert answer.status == 200
            return answer.read().decode()

    until(lambda: _quietly(region), "it answers", 10)
    seen = {region() for _ in range(60)}
    assert any("us-east-1" in s for s in seen), seen
    children = _descendants(demo.pid)
    assert children, "origins are processes a user can kill"
    pids = [int(pid) for pid in re.findall(r"kill (?:-\w+ )?(\d+)", said())]
    assert pids, "it says what to kill:\n" + said()
    os.kill(pids[0], signal.SIGKILL)
    for _ in range(200):
        assert region(), "no request fails"
    demo.send_signal(signal.SIGTERM)
    demo.wait(20)
    until(lambda: all(process.is_stopped_by_end(pid) for pid in children), "children are gone")
    assert "ERROR: AddressSanitizer" not in said() and "ThreadSanitizer" not in said(), said()


def _quietly(call):
    try:
        return call()
    except OSError:
        return None


def _descendants(pid):
    found = []
    for task in os.listdir("/proc/%d/task" % pid):
        with open("/proc/%d/task/%s/children" % (pid, task)) as f:
            found += [int(child) for child in f.read().split()]
    return found + [d for child in found for d in _descendants(child)]


@sanitize
def the_reference_documents_what_check_accepts(t):
    with open(os.path.join(ROOT, "conf", "REFERENCE.md")) as f:
        text = f.read()
    for key in ("replay_buffer", "max_waiting", "redirect_https", "fast_interval", "state_dir"):
        assert key in text, key
