# SPDX-License-Identifier: Apache-2.0
"""The console of a real service: a change is seen, explained, synchronized by hand; metrics and readiness."""

import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess
import time
import urllib.parse
import zipfile

from house import DEADLINE_S, check, house, step
from lab import wait_until
from lab.base import write_file

TOKEN = "a-token-of-the-operator-of-this-test"

LEAVERS, LIMIT = 6, 2


def listens(h):
    return int(re.findall(r"console  listen=\S+ port=(\d+)", h.sosync.log.read_text())[-1])


with house("console") as h:
    write_file(h.folder / "console-token", TOKEN + "\n", 0o600)
    h.start(brakes="{off: [create], disable: {limit: 2, window: 1h}}",
            more=f'console: {{listen: "127.0.0.1:0", token_file: "{h.folder}/console-token"}}')
    port = listens(h)

    def ask(method, path, body=None, cookie=None):
        c = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {"Cookie": cookie} if cookie else {"Authorization": f"Bearer {TOKEN}"}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        c.request(method, path, urllib.parse.urlencode(body) if body else None, headers)
        answer = c.getresponse()
        text = answer.read().decode()
        c.close()
        return answer.status, answer.headers, text

    step("ready, and who may see")
    check(ask("GET", "/healthz")[0] == 200, "no health")
    wait_until(lambda: ask("GET", "/readyz")[0] == 200, DEADLINE_S, "readiness")
    check(ask("GET", "/changes", cookie="sosync=x")[0] == 401, "without a token")

    step("a change is seen and followed to its report")
    h.ad.add_user("Ada <b>Lovelace</b>", h.people, sAMAccountName="ada.lovelace", title="<script>1</script>")
    h.until_user("ada.lovelace")
    page = wait_until(lambda: (p := ask("GET", "/changes?q=lovelace")[2]) and "/changes/" in p and p, DEADLINE_S, "the change in the list")
    run = re.search(r'/changes/([0-9a-f-]{36})', page)[1]
    status, _, report = ask("GET", f"/changes/{run}")
    check(status == 200 and "Ada &lt;b&gt;Lovelace&lt;/b&gt;" in report and "<script>1" not in report, report[:2000])

    step("the report of a group names its members")
    h.ad.add_group("Engines", h.groups, members=[h.ad.find(h.people, "(sAMAccountName=ada.lovelace)")[0][0]])
    h.until_members("Engines", "ada.lovelace")

    def told():
        for line in h.sosync.command("report", "list", "--json", "--text", "Engines").stdout.splitlines():
            doc = json.loads(h.sosync.command("report", "show", json.loads(line)["id"], "--json").stdout)
            for info in (i for s in doc["provisioningSteps"] for i in s["details"].get("attributeInfo", [])):
                if info["name"] == "member" and info["valueAdd"]:
                    return info["valueAdd"]
        return None
    value = wait_until(told, DEADLINE_S, "a report with the member")
    check(value.startswith("CN=Ada ") and h.user("ada.lovelace")["id"] in value, value)

    step("opened, and exported for support")
    r = h.sosync.command("report", "export", run, h.folder / "support.zip")
    check(r.returncode == 0, r)
    with zipfile.ZipFile(h.folder / "support.zip") as bundle:
        check(bundle.testzip() is None, "a damaged zip")
        parts = {name: bundle.read(name).decode() for name in bundle.namelist()}
    check(sorted(parts) == ["README.txt", "report.htm", "report.json", "rules.yaml", "sosync.yaml"], parts.keys())
    check(json.loads(parts["report.json"])["id"] == run and "In from AD - User Join" in parts["rules.yaml"], "parts")
    secrets = [TOKEN, (h.folder / "console-token").read_text().strip(), pathlib.Path(h.graph.secret_file).read_text().strip()]
    check(not any(s in text for s in secrets for text in parts.values()), "a secret is in it")
    check(h.sosync.command("report", "export", run, "/nowhere/x.zip").returncode == 1, "an export to nowhere")
    pipe = h.folder / "stdout"
    pipe.symlink_to("/proc/self/fd/1")
    r = h.sosync.command("report", "export", run, pipe)
    check(r.returncode == 1 and "is not a file that can be replaced" in r.stderr and pipe.is_symlink(), r)
    opener = h.folder / "opener"
    opener.write_text(f'#!/bin/sh\ncp "$1" {h.folder}/opened.htm\n')
    opener.chmod(0o755)
    r = subprocess.run([h.sosync.binary, "-c", h.sosync.config, "report", "open", run], env={**os.environ, "BROWSER": str(opener)},
                       capture_output=True, text=True, check=False)
    check(r.returncode == 0 and "Lovelace" in (h.folder / "opened.htm").read_text(), r)
    r = subprocess.run([h.sosync.binary, "-c", h.sosync.config, "report", "open", run], env={**os.environ, "BROWSER": "/bin/false"},
                       capture_output=True, text=True, check=False)
    check(r.returncode == 1 and r.stdout.strip().endswith(".htm") and "cannot open it" in r.stderr, r)

    step("every line about a change has run, object and step")
    line = next(x for x in h.sosync.log.read_text().splitlines() if run in x)
    check(" dn=" in line and " step=export " in line, line)

    step("explained and synchronized by hand")
    dn = f"CN=Ada \\<b\\>Lovelace\\</b\\>,{h.people}"
    status, _, text = ask("GET", "/explain?" + urllib.parse.urlencode({"dn": dn}))
    check(status == 200 and "Goes to Entra ID as a user" in text and "displayName" in text, text[:3000])
    check("not sent: Microsoft Graph has no property for it" in text and "Graph: jobTitle" in text, text)
    text = ask("GET", "/explain?" + urllib.parse.urlencode({"dn": f"CN=Nobody,{h.people}"}))[2]
    check("there is no object" in text, text[:3000])
    _, headers, _ = ask("POST", "/sign-in", {"token": TOKEN})
    cookie = headers["Set-Cookie"].split(";")[0]
    csrf = re.search(r'name="csrf" value="([0-9a-f]{64})"', ask("GET", "/", cookie=cookie)[2])[1]
    status, headers, text = ask("POST", "/sync", {"dn": dn, "csrf": csrf}, cookie)
    check(status == 303, text[:2000])
    status, _, text = ask("GET", headers["Location"])
    check(status == 200 and "<dd>operator</dd>" in text.replace('<bdi class="v">', "").replace("</bdi>", ""), text[:6000])

    run = headers["Location"].rsplit("/", 1)[1]
    page = pathlib.Path(h.sosync.command("report", "html", run).stdout.strip()).read_text()
    check("Previous report" in page, "the page does not name the report before it")

    step("what was done in the browser is in the audit log")
    act = json.loads(h.sosync.command("audit", "search", "--kind", "act", "--by", "operator", "--json").stdout.splitlines()[-1])
    check((act["verb"], act["request"], act["ok"]) == ("sync", {"console": "sync", "object": dn}, True), act)
    status, _, text = ask("POST", "/sync", {"dn": "rubbish", "csrf": csrf}, cookie)
    check(status == 400 and "is not a distinguished name: missing" in text, (status, text[:2000]))

    step("a name that is none is told as that, and is in the audit log too")
    status, _, text = ask("POST", "/sync", {"dn": "rubbish", "csrf": csrf}, cookie)
    check(status == 400 and "is not a distinguished name: missing" in text, (status, text[:2000]))
    act = json.loads(h.sosync.command("audit", "search", "--kind", "act", "--by", "operator", "--json").stdout.splitlines()[-1])
    check(not act["ok"] and "is not a distinguished name" in act["error"], act)

    step("the pages of the service, with what it really is")
    text = ask("GET", "/")[2]
    for word in ("watches", "takes changes", "Runs"):
        check(word in text, word)
    check("is free" in ask("GET", "/scheduler")[2] or "The flag is" in ask("GET", "/scheduler")[2], "no flag")
    check("In from AD - User Join" in ask("GET", "/rules")[2], "no rules")

    step("each thread has a name that tells what it is for")
    pid = h.sosync.pid
    names = sorted(pathlib.Path(f"/proc/{pid}/task/{t}/comm").read_text().strip() for t in os.listdir(f"/proc/{pid}/task") if int(t) != pid)
    print(" ".join(names))
    check({"console", "control", "desk 1", "flag", "graph", "reporter", "urgent 1"} <= set(names), names)
    check("sosync" not in names, names)

    step("metrics that Prometheus takes")
    status, headers, text = ask("GET", "/metrics")
    check(status == 200 and headers["Content-Type"].startswith("text/plain; version=0.0.4"), headers)
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    check(float(values['sosync_runs_total{lane="normal",result="exported"}']) >= 1, text)
    check(float(values['sosync_change_latency_seconds_count{lane="normal"}']) >= 1, text)
    check(float(values['sosync_step_duration_seconds_count{step="export"}']) >= 1, text)
    check(not re.search(r"(?i)lovelace|DC=", text), "a name of the directory is in the metrics")
    if shutil.which("promtool"):
        r = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        check(r.returncode == 0, r.stdout + r.stderr)

    step("a brake that is on is told wherever somebody looks")

    def metrics():
        lines = [line for line in ask("GET", "/metrics")[2].splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}
    check(metrics()['sosync_brake_on{brake="disable"}'] == 0 and metrics()['sosync_alarms_open{kind="brake"}'] == 0, "a brake is on")
    check("Alarms" not in ask("GET", "/")[2] and "Nothing is parked" in ask("GET", "/parked")[2], "an alarm is told")
    for n in range(LEAVERS):
        h.ad.add_user(f"Leaver {n}", h.people, sAMAccountName=f"leaver.{n}")
    for n in range(LEAVERS):
        h.until_user(f"leaver.{n}", accountEnabled=True)
    for n in range(LEAVERS):
        h.ad.disable(f"CN=Leaver {n},{h.people}")
    held = LEAVERS - LIMIT
    wait_until(lambda: metrics()['sosync_brake_held{brake="disable"}'] == held, DEADLINE_S, "what is held in the metrics")
    check(metrics()['sosync_brake_on{brake="disable"}'] == 1 and metrics()['sosync_brake_on{brake="members"}'] == 0, metrics())

    def told_everywhere():
        check(metrics()['sosync_alarms_open{kind="brake"}'] == 1, metrics())
        sentence = f"Needs a person: the brake \"disable\" is on and holds {held} changes."
        top = h.sosync.command("top", "--once").stdout
        check(top.startswith(sentence), top)
        words = " ".join(top.split())
        check(re.search(r" alarms brake disable, since 20\d\d-\S+Z: .* more than 2 accounts turned off", words), top)
        text = ask("GET", "/")[2]
        check(f"the brake &quot;disable&quot; is on and holds {held} changes" in text.replace("&#34;", "&quot;"), text[:6000])
        check(f"“disable” is on, and holds {held} changes" in text and "<h2>Alarms</h2>" in text, text[:6000])
        text = ask("GET", "/parked")[2]
        check("The brake “disable” is on" in text and "sosync queue release --brake disable" in text, text[:6000])
        check(text.count('<li class="card parked">') == held and "Leaver" in text, text)
    told_everywhere()

    step("and told again after a restart")
    h.sosync.stop()
    h.sosync.start()
    port = listens(h)
    wait_until(lambda: ask("GET", "/readyz")[0] == 200, DEADLINE_S, "readiness")
    told_everywhere()

    step("all is tried again, but for what a brake holds; then it is released in the browser")
    _, headers, _ = ask("POST", "/sign-in", {"token": TOKEN})
    cookie = headers["Set-Cookie"].split(";")[0]
    page = ask("GET", "/parked", cookie=cookie)[2]
    csrf = re.search(r'name="csrf" value="([0-9a-f]{64})"', page)[1]
    check("Try again" not in page and "retry-all" not in page and page.count("Let it go on") == 1, page)
    check(ask("POST", "/parked/steer", {"verb": "retry-all", "csrf": csrf}, cookie)[0] == 303, "all again")
    check(metrics()['sosync_queue_parked{lane="urgent"}'] == held, "what is held was tried again")
    check(ask("POST", "/parked/brake", {"verb": "release", "brake": "nobody", "csrf": csrf}, cookie)[0] == 400, "an unknown brake")
    check(ask("POST", "/parked/brake", {"verb": "shout", "brake": "disable", "csrf": csrf}, cookie)[0] == 400, "an unknown verb")
    check(ask("POST", "/parked/brake", {"verb": "release", "brake": "disable", "csrf": "0" * 64}, cookie)[0] == 403, "without a token")
    check(metrics()['sosync_brake_on{brake="disable"}'] == 1, "it was released")
    check(ask("POST", "/parked/brake", {"verb": "release", "brake": "disable", "csrf": csrf}, cookie)[0] == 303, "the release")
    for n in range(LEAVERS):
        h.until_user(f"leaver.{n}", accountEnabled=False)
    check(metrics()['sosync_brake_on{brake="disable"}'] == 0 and metrics()['sosync_alarms_open{kind="brake"}'] == 0, metrics())
    check("alarms" not in h.sosync.command("top", "--once").stdout, "an alarm that is over")
    act = json.loads(h.sosync.command("audit", "search", "--kind", "act", "--by", "operator", "--json").stdout.splitlines()[-1])
    check((act["verb"], act["request"], act["ok"]) == ("release", {"console": "release", "object": "disable"}, True), act)

    step("it stops while somebody follows")
    follower = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    follower.request("GET", "/events?page=overview", headers={"Authorization": f"Bearer {TOKEN}"})
    check(follower.getresponse().status == 200, "no events")
    began = time.monotonic()
    h.sosync.stop()
    check(time.monotonic() - began < 8, "the stop took long")
