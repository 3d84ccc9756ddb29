# SPDX-License-Identifier: Apache-2.0
"""SIGTERM while a change is at Graph: it has its answer, once, and its report says so. What would have to wait is not waited for."""

import json

from house import DEADLINE_S, check, house, step
from lab import wait_until

SLOW_MS = 2500
HOLD_S = 300


def patches(h, after):
    return [r for r in h.graph.journal(after) if r["method"] == "PATCH"]


def last_report(h):
    lines = h.sosync.command("report", "list", "--limit", "1", "--json").stdout.splitlines()
    return json.loads(lines[0])


def reset(h, rules):
    h.graph.admin("DELETE", "faults")
    h.graph.admin("POST", "faults", {"rules": rules})
    return h.graph.last()


with house("stop-work") as h:
    h.start(more=f"stop_timeout: {DEADLINE_S * 3}s")
    ada = h.ad.add_user("Ada", h.people).dn
    h.until_user("ada")
    h.until_idle()

    step("a write whose answer is late, and SIGTERM before it")
    after = reset(h, [{"method": "PATCH", "action": {"delay_ms": SLOW_MS}}])
    h.ad.set(ada, title="Countess")
    wait_until(lambda: patches(h, after), DEADLINE_S, "the write at Graph")
    h.sosync.stop()
    report = last_report(h)
    check(report["status"] == "success", report)
    check(h.user("ada")["jobTitle"] == "Countess", h.user("ada"))

    step("it is not written again")
    reset(h, [])
    h.sosync.start()
    h.until_idle()
    check(len(patches(h, after)) == 1, patches(h, after))

    step("a hold of Graph's is not waited for")
    after = reset(h, [{"method": "PATCH", "action": {"status": 429, "retry_after": HOLD_S}}])
    h.ad.set(ada, title="Lady")
    wait_until(lambda: patches(h, after), DEADLINE_S, "the refusal")
    h.ad.set(ada, title="Lady Lovelace")
    h.sosync.stop(deadline_s=DEADLINE_S)  # a third of stop_timeout
