#!/usr/bin/env python3
"""What tls.sh has gathered in a directory, held against what is wanted; prints the sum."""

import json
import os
import sys
import xml.etree.ElementTree

# Mozilla's guidelines 5.7, "intermediate". The DHE suites it allows besides are not offered.
PROTOCOLS = {"TLSv1.2", "TLSv1.3"}
CIPHERS = {
    "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
}
CURVES = {"x25519", "secp256r1", "secp384r1"}

# Findings of testssl.sh that are about the certificates made for this run, and not about Detour.
OF_THE_CERTIFICATE = ("cert_", "DNS_CAArecord", "OCSP", "certificate_transparency")
# Those that speak of what an application answers.
OF_THE_APPLICATION = ("HTTP_", "HSTS", "HPKP", "security_headers", "banner_", "cookie_", "BREACH")

results = []


def judge(what, good, why=""):
    results.append(good)
    print("%s %s%s" % ("PASS" if good else "FAIL", what, "" if good or not why else ": %s" % why))


def testssl(path):
    with open(path) as f:
        findings = json.load(f)
    findings = findings if isinstance(findings, list) else findings["scanResult"]
    by_id = {f["id"]: f for f in findings}
    judge("testssl.sh has looked at vulnerabilities", "heartbleed" in by_id or "ROBOT" in by_id,
          sorted(by_id))
    bad = [f for f in findings if "VULNERABLE" in f["finding"].upper()
           and "NOT VULNERABLE" not in f["finding"].upper()
           and not f["id"].startswith(OF_THE_APPLICATION)]
    judge("nothing is vulnerable", not bad, bad)
    heavy = [f for f in findings if f["severity"] in ("MEDIUM", "HIGH", "CRITICAL")
             and not f["id"].startswith(OF_THE_CERTIFICATE + OF_THE_APPLICATION)
             and f["id"] not in ("overall_grade", "scanTime", "engine_problem")  # its own machine
             and not f["id"].startswith("grade_cap_reason")]
    judge("nothing weighs more than LOW", not heavy, heavy)
    # Its own openssl or a busy machine did not let it: such a finding is neither good nor bad.
    unseen = ["%s (%s)" % (f["id"], f["finding"]) for f in findings if f["severity"] == "WARN"]
    if unseen:
        print("     could not look at: %s" % "; ".join(unseen))
    light = sorted(f["id"] for f in findings if f["severity"] == "LOW")
    print("     LOW: %s" % ", ".join(light))
    grade = by_id.get("overall_grade")
    if grade is None:
        print("     this testssl.sh does not rate; 3.2 does")
        return
    print("     grade %s: %s" % (grade["finding"], "; ".join(
        f["finding"] for f in findings if f["id"].startswith("grade_cap_reason"))))
    judge("it is rated A or better", grade["finding"] in ("A", "A+"), grade)


def sslscan(path):
    test = xml.etree.ElementTree.parse(path).getroot().find("ssltest")
    protocols = {"%s%s" % (p.get("type").upper().replace("TLS", "TLSv"), p.get("version"))
                 for p in test.iter("protocol") if p.get("enabled") == "1"}
    judge("sslscan finds TLS 1.2 and 1.3 and nothing else", protocols == PROTOCOLS, protocols)
    ciphers = {c.get("cipher") for c in test.iter("cipher")}
    judge("its ciphers are Mozilla's", ciphers == CIPHERS, ciphers ^ CIPHERS)
    curves = {g.get("name").lower().split(" ")[0] for g in test.iter("group")}
    curves = {"secp256r1" if c in ("prime256v1", "p-256") else c for c in curves}
    judge("its curves are Mozilla's", curves == CURVES, curves ^ CURVES)
    renegotiation = test.find("renegotiation")
    judge("renegotiation is not to be had or is secure", renegotiation is None
          or renegotiation.get("supported") == "0" or renegotiation.get("secure") == "1")
    compression = test.find("compression")
    judge("nothing is compressed", compression is None or compression.get("supported") == "0")
    judge("no heartbleed", all(h.get("vulnerable") == "0" for h in test.iter("heartbleed")))


def sslyze(path):
    with open(path) as f:
        text = f.read()
    # It wants a certificate of a public CA too; that one is not ours to have.
    at = text.find("COMPLIANCE AGAINST")
    verdict = text[at:] if at >= 0 else text
    complaints = [line.strip(" *") for line in verdict.split("\n") if line.strip().startswith("*")]
    complaints = [c for c in complaints if "certificate" not in c and "hsts" not in c.lower()]
    judge("sslyze agrees with Mozilla's intermediate profile",
          at >= 0 and not complaints, verdict[-1500:])


def main():
    directory = sys.argv[1]
    testssl(os.path.join(directory, "testssl.json"))
    sslscan(os.path.join(directory, "sslscan.xml"))
    if os.path.exists(os.path.join(directory, "sslyze.out")):
        sslyze(os.path.join(directory, "sslyze.out"))
    print("%d passed, %d failed" % (results.count(True), results.count(False)))
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
