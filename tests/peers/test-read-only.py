# SPDX-License-Identifier: Apache-2.0
"""The state's file system becomes read-only in the middle of work: a clear word, nothing lost, and on it goes when it is mended."""

from house import check, house, step, wait_until

N = 10

with house("read-only") as h:
    h.start()
    ada = h.ad.add_user("Ada First", h.people, title="Analyst").dn
    h.until_user("ada.first")
    h.sosync.stop()
    flag = h.folder / "read-only"
    h.sosync.environment.update(LD_PRELOAD=str(h.lab.build / "tests/peers/libcrash-shim.so"), SOSYNC_READ_ONLY=str(flag))
    h.sosync.start()

    step("read-only in the middle of work")
    flag.touch()
    for i in range(N):
        h.ad.add_user(f"Late {i}", h.people)
    h.ad.set(ada, title="Countess")
    wait_until(lambda: "Read-only file system" in h.sosync.log.read_text(), 20, "a word about it")

    step("a service that has ended is started again by its supervisor, in vain")
    wait_until(lambda: h.sosync.process.poll() is not None, 20, "the end of a service that can store nothing")
    check(h.sosync.process.poll() != 0, "the supervisor must see that it failed")
    h.sosync.kill()
    h.sosync.start(wait=False)
    wait_until(lambda: h.sosync.process.poll() is not None, 20, "the end of a service that cannot open its state")
    h.sosync.kill()

    step("mended: all goes on")
    flag.unlink()
    h.sosync.start()
    for i in range(N):
        h.until_user(f"late.{i}")
    h.until_user("ada.first", jobTitle="Countess")
    h.until_idle()
    check(len(h.graph.state()["users"]) == N + 1, h.graph.state()["users"])
    creates = [r for r in h.writes() if r["status"] == 201]
    check(len(creates) == N + 1, f"{len(creates)} creates")
    check(h.sosync.command("queue", "check").returncode == 0, "the store fits together")
