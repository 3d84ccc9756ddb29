# SPDX-License-Identifier: Apache-2.0
"""The C programs of the bench: raw baselines and helpers."""

import json
import select
import shutil
import subprocess
import tempfile

from lab import Failure

DEADLINE_S = 600


def folder_of(ground, name):
    """A new folder beside the service's state, so that both use the same disk."""
    return tempfile.mkdtemp(prefix=f"{name}-", dir=ground.folder)


def peers(ground):
    """What a baseline is told on standard input: where the peers are, and a token."""
    return "\n".join((ground.dc.uri, str(ground.dc.ca_file), ground.dc.reader_dn, ground.dc.reader_password,
                      ground.graph.graph, ground.token(), ground.select)) + "\n"


def patch(**properties):
    return json.dumps(properties, separators=(",", ":"))


def baseline_line(user, body):
    return f"{user.dn}\t{user.id}\t{body}\n"


def run(ground, name, *arguments, lines="", deadline_s=DEADLINE_S):
    """A helper from its start to its end; what it printed."""
    r = subprocess.run([ground.program(name), *map(str, arguments)], input=lines, capture_output=True, text=True,
                       timeout=deadline_s, check=False)
    if r.returncode:
        raise Failure(f"{name} ended with status {r.returncode}: {r.stderr.strip()}")
    return r.stdout


class BaselineChange:
    """baseline-change, asked for one change after the other. `with BaselineChange(ground) as b: from_ns = b.change(user, body)`."""

    def __init__(self, ground):
        self.ground = ground

    def __enter__(self):
        self.folder = folder_of(self.ground, "baseline-change")
        self.process = subprocess.Popen([self.ground.program("baseline-change"), self.folder], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        self.process.stdin.write(peers(self.ground))
        self._answer()
        return self

    def _answer(self):
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], 30)[0]:
            raise Failure("baseline-change did not answer within 30 s")
        line = self.process.stdout.readline()
        if not line:
            raise Failure("baseline-change has ended")
        return line.strip()

    def change(self, user, body):
        """Do the unavoidable work of one change; when it began (CLOCK_MONOTONIC, ns)."""
        self.process.stdin.write(baseline_line(user, body))
        return int(self._answer())

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def baseline_drain(ground, users, body, n_threads, http_only=False):
    """Changes a second of the unavoidable work for all these users."""
    folder = folder_of(ground, "baseline-drain")
    try:
        arguments = [folder, n_threads] + (["http"] if http_only else [])
        out = run(ground, "baseline-drain", *arguments, lines=peers(ground) + "".join(baseline_line(u, body) for u in users))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return len(users) / float(out.split()[0])


def fill_queue(ground, state, users=None, n_made_up=0):
    """Put updates of these users, or of so many objects that nobody has, into a state folder."""
    if n_made_up:
        run(ground, "fill-queue", state, n_made_up)
    if users:
        run(ground, "fill-queue", state, lines="".join(f"{u.guid}\t{u.dn}\n" for u in users))


def fill_queue_with_known(ground, state):
    """Put an update of every object that the state knows into its queue."""
    run(ground, "fill-queue", state, "known")


def fill_space(ground, state, n):
    """Make n more people known in a state folder. Seconds."""
    return float(run(ground, "fill-space", ground.write_config(state=state), 0, n, deadline_s=3600))


def runs(ground):
    """The times of all runs, newest first: dn, seen, queued, started, sent, accepted, finished (ms since 1970), steps [(start, duration) in us]."""
    found = []
    for line in run(ground, "list-runs", ground.reports).splitlines():
        dn, seen, queued, started, sent, accepted, finished, *steps = line.split("\t")
        found.append({"dn": dn, "seen": int(seen), "queued": int(queued), "started": int(started), "sent": int(sent),
                      "accepted": int(accepted), "finished": int(finished),
                      "steps": [tuple(map(int, step.split("+"))) for step in steps]})
    return found
