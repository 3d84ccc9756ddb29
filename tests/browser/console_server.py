# SPDX-License-Identifier: Apache-2.0
"""A console over made-up reports (console.c), on a port of its own."""
import os
import subprocess

TOKENS = {"ada": "operator-token-of-ada-0001", "bob": "reader-token-of-bob-00002"}


class Server:
    def __init__(self, program, folder, reports, config=""):
        self.folder = folder
        for name, token in TOKENS.items():
            path = os.path.join(folder, name)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as f:
                f.write(token + "\n")
        path = os.path.join(folder, "console.yaml")
        with open(path, "w", encoding="ascii") as f:
            f.write("listen: 127.0.0.1:0\nusers:\n  - {name: ada, role: operate, token_file: ada}\n"
                    "  - {name: bob, role: read, token_file: bob}\n" + config)
        with open(self.path("log"), "wb") as log:
            self.process = subprocess.Popen([program, os.path.join(folder, "reports"), path, str(reports)], text=True,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        self.reports = {}
        for line in self.process.stdout:
            words = line.split()
            if words[0] == "report":
                self.reports[words[1]] = words[2]
            if words[0] == "port":
                self.port = int(words[1])
                break
        self.url = "http://127.0.0.1:%d" % self.port

    def path(self, name):
        return os.path.join(self.folder, name)

    def log(self):
        with open(self.path("log"), encoding="utf-8", errors="surrogateescape") as f:
            return f.read()

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "done\n"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        # Under a sanitizer, this is where a leak or worse is told.
        if self.process.wait(30):
            raise AssertionError("the console ended with %d: %s" % (self.process.returncode, self.log()[-4000:]))
