"""How the process guards itself, and what it tells whoever supervises it."""

import errno
import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import time

from harness import process
from harness.manager import Manager
from harness.marks import sanitize
from harness.pki import Pair
from harness.ptrace import Held, may_attach_as
from harness.wait import stays, until

NOBODY = 65534
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _proxy(t, text="", **parts):
    top = "process = { %s };" % text if text else ""
    return t.proxy(top=top + parts.pop("top", ""), regions={"us-east-1": [t.origin("east")]},
                   **parts)


def every_thread_is_shut_in_by_the_filter_and_can_gain_nothing(t):
    p = _proxy(t, workers=2)
    names = set(process.threads(p.pid).values())
    assert {"worker-0", "worker-1", "control", "log", "watchdog"} <= names, names
    for tid in process.threads(p.pid):
        assert process.status_field(tid, "Seccomp") == "2", tid
        assert process.status_field(tid, "NoNewPrivs") == "1", tid
    assert p.metrics().total("detour_refused_syscalls_total") == 0


def a_filter_that_only_logs_and_none_at_all_can_be_had(t):
    p = _proxy(t, 'seccomp = "log";')
    assert process.status_field(p.pid, "Seccomp") == "2"
    p.get("/").expect(200, "east")
    off = _proxy(t, 'seccomp = "off";')
    assert process.status_field(off.pid, "Seccomp") == "0"
    assert off.reload(top="")
    off.until_logged("process.seccomp or core_dumps takes effect after a restart")


def a_kernel_without_filters_serves_with_a_warning(t):
    """As in a container whose own filter refuses: strace answers in the kernel's place."""
    p = t.proxy(start=False, regions={"us-east-1": [t.origin("east")]})
    p.start(wrap=["strace", "-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=seccomp",
                  "-e", "inject=seccomp:error=EPERM"])
    p.get("/").expect(200, "east")
    assert p.log_text().count("no filter on system calls here") == 1, p.log_text()


def _core_limit(pid):
    with open("/proc/%d/limits" % pid) as f:
        return re.search(r"^Max core file size\s+(\S+)\s+(\S+)", f.read(), re.M).groups()


def _nobodys(t, top=""):
    """Started by a user without any rights, so that all a debugger of theirs lacks is leave."""
    p = t.proxy(start=False, regions={"us-east-1": [t.origin("east")]})
    os.chmod(p.directory, 0o777)
    pair = Pair(p.directory, "own")
    for source, copy in ((p.pki.site().chain, pair.chain), (p.pki.site().key, pair.key)):
        shutil.copyfile(source, copy)
        os.chown(copy, NOBODY, NOBODY)
        os.chmod(copy, 0o600)
    p.write(certificates=[pair], top=top)
    p.start(wrap=["setpriv", "--reuid=%d" % NOBODY, "--regid=%d" % NOBODY, "--clear-groups",
                  "--inh-caps=-all", "--bounding-set=-all"])
    return p


@sanitize
def nobody_sees_the_memory_unless_it_is_wished_so(t):
    p = _nobodys(t)
    assert _core_limit(p.pid) == ("0", "0")
    assert not may_attach_as(p.pid, NOBODY), "a process of the same user may look in"
    assert p.metrics().total("process_open_fds") > 5, "it may look at itself"
    wished = _nobodys(t, 'process = { core_dumps = true; };')
    assert _core_limit(wished.pid)[0] == _core_limit(wished.pid)[1]
    assert may_attach_as(wished.pid, NOBODY)
    p.get("/").expect(200, "east")


def _with_a_key_of_roots(t, mode):
    """A proxy for "nobody" whose key only root may read, its directory of this mode; the warning."""
    p = t.proxy(start=False, regions={"us-east-1": [t.origin("east")]})
    os.chmod(p.directory, mode)
    pair = Pair(p.directory, "roots")
    shutil.copyfile(p.pki.site().chain, pair.chain)
    shutil.copyfile(p.pki.site().key, pair.key)
    os.chmod(pair.key, 0o600)
    p.write(certificates=[pair], top='user = "nobody";')
    told = "user nobody may not read %s, so reloads will be refused" % pair.key
    return p, pair, told


@sanitize
def files_that_only_root_may_read_are_told_of_before_a_reload_is_refused(t):
    p, pair, told = _with_a_key_of_roots(t, 0o777)
    code, text = p.check()
    assert code == 0 and told in text and pair.chain + "," not in text, text
    p.start()
    assert told in p.log_text(), p.log_tail()
    assert not p.reload_now(), "there was nothing to warn of"
    os.chown(pair.key, 0, NOBODY)
    os.chmod(pair.key, 0o640)
    assert told not in p.check()[1], p.check()[1]
    assert p.reload_now(), p.log_tail()
    os.chmod(p.conf_path, 0o600)
    told = "detour.conf:1: warning: user nobody may not read %s, so" % p.conf_path
    assert told in p.check()[1], p.check()[1]
    assert not p.reload_now(), "there was nothing to warn of"


def _entry(tag, permissions, who=0xffffffff):
    return struct.pack("<HHI", tag, permissions, who)


@sanitize
def lists_of_access_count_as_the_kernel_counts_them(t):
    """acl(5): what the mode says of a group is then only the most that anybody else may."""
    p, pair, told = _with_a_key_of_roots(t, 0o711)
    assert told in p.check()[1]
    owner, user, group, mask, others = 1, 2, 4, 0x10, 0x20
    head = struct.pack("<I", 2) + _entry(owner, 6)
    try:
        os.setxattr(pair.key, "system.posix_acl_access",
                    head + _entry(user, 4, NOBODY) + _entry(group, 0) + _entry(mask, 4) + _entry(others, 0))
    except OSError as e:
        assert e.errno == errno.ENOTSUP, e
        return  # the file system knows none
    assert told not in p.check()[1], p.check()[1]
    p.start()
    assert p.reload_now(), p.log_tail()
    os.chmod(pair.key, 0o644)
    assert told not in p.check()[1], p.check()[1]
    os.setxattr(pair.key, "system.posix_acl_access",
                head + _entry(user, 0, NOBODY) + _entry(group, 4) + _entry(mask, 4) + _entry(others, 4))
    assert told in p.check()[1], "the mode says that everybody may"
    assert not p.reload_now(), "there was nothing to warn of"


def _stalls(p, loop):
    return p.metrics().total("detour_loop_stalls_total", loop=loop)


def a_worker_that_stands_still_is_counted_and_named(t):
    p = _proxy(t, 'stall_warning = "300ms"; stall_abort = "600ms";', workers=2)
    with Held(p.worker_tids()[1]):
        # a debugger holds it: even what would else end the process only gets a line
        p.until_logged("as whoever traces it wants", 20)
    until(lambda: _stalls(p, "worker-1") == 1, "the stall is counted")
    assert _stalls(p, "worker-0") == 0 and _stalls(p, "control") == 0
    assert p.metrics().total("detour_loop_longest_stall_seconds", loop="worker-1") >= 0.5
    assert re.search(r"worker-1 stood still for \d+ ms", p.log_text()), p.log_text()
    p.get("/").expect(200, "east")


@sanitize
def a_process_that_was_stopped_goes_on_and_blames_nobody(t):
    p = _proxy(t, 'stall_warning = "500ms"; stall_abort = "1s";')
    p.get("/").expect(200, "east")
    p.signal(signal.SIGSTOP)
    until(lambda: process.status_field(p.pid, "State").startswith("T"), "it is stopped")
    time.sleep(1.5)  # longer than either: what is tested is time itself
    p.signal(signal.SIGCONT)
    stays(p.is_running, "it runs", 0.3)
    p.get("/").expect(200, "east")
    assert _stalls(p, "worker-0") == 0 and _stalls(p, "control") == 0, p.log_text()


@sanitize
def the_service_manager_hears_of_every_turn_of_its_life(t):
    manager = Manager("detour-test-%d" % os.getpid(), watchdog_ms=400)
    t.at_end(manager.close)
    p = t.proxy(start=False, regions={"us-east-1": [t.origin("east")]})
    p.start(wrap=manager.wrap())
    manager.until_told("READY=1")
    manager.until_told("WATCHDOG=1", 3)
    assert p.reload()
    manager.until_told("RELOADING=1")
    manager.until_told("READY=1", 2)
    p.drain()
    manager.until_told("STOPPING=1")
    assert p.wait_exit() == 0


def no_watchdog_message_comes_while_a_worker_stands_still(t):
    manager = Manager("detour-test-%d" % os.getpid(), watchdog_ms=400)
    t.at_end(manager.close)
    p = t.proxy(start=False, regions={"us-east-1": [t.origin("east")]})
    p.write(top='process = { stall_abort = "0s"; };')
    p.start(wrap=manager.wrap())
    manager.until_told("WATCHDOG=1")
    with Held(p.worker_tids()[0]):
        time.sleep(0.5)  # the message that was due
        before = manager.count("WATCHDOG=1")
        stays(lambda: manager.count("WATCHDOG=1") == before, "silent", 0.8)
    manager.until_told("WATCHDOG=1", before + 1)


def the_unit_is_one_that_systemd_understands(t):
    """The unit of deploy/ says nothing that systemd does not know."""
    with open(os.path.join(ROOT, "deploy", "detour.service")) as f:
        text = f.read()
    directory = t.directory("unit")
    path = os.path.join(directory, "detour.service")
    with open(path, "w") as f:  # its program is the one under test, its user one that exists
        text = text.replace("/usr/local/bin/detour", t.binary)
        f.write(re.sub("^(User|Group)=detour$", r"\1=daemon", text, flags=re.M))
    said = process.run(["systemd-analyze", "verify", "--man=no", path])
    assert not [line for line in said.split("\n") if "detour.service" in line], said


def the_unit_starts_with_a_file_whose_capacities_could_not_absorb_a_loss(t):
    """Such a file is valid, and `detour check` ends with 3; a wrong one must not pass."""
    with open(os.path.join(ROOT, "deploy", "detour.service")) as f:
        command = re.search("^ExecStartPre=(.*)$", f.read(), re.M).group(1)
    p = t.proxy(start=False, regions={
        n: {"endpoints": ["http://127.0.0.1:1"], "text": "capacity = 100;"} for n in ("a", "b")})
    command = command.replace("/usr/local/bin/detour", t.binary).replace("$$", "$")
    command = command.replace("/etc/detour/detour.conf", p.conf_path)
    assert p.check()[0] == 3
    assert subprocess.call(shlex.split(command), stdout=subprocess.DEVNULL) == 0
    p.write(text="workers = ")
    assert subprocess.call(shlex.split(command), stderr=subprocess.DEVNULL) != 0
