# SPDX-License-Identifier: Apache-2.0
"""How the quickstart talks, in the same shape as lib/common.sh: colours and lines that change on a terminal only."""

import contextlib
import os
import sys
import time


class Screen:
    def __init__(self, out=sys.stdout):
        self.out = out
        self.terminal = out.isatty() and os.environ.get("TERM", "dumb") != "dumb"
        colour = self.terminal and not os.environ.get("NO_COLOR")
        self.bold, self.dim, self.red, self.green, self.plain = ("\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[32m", "\x1b[0m") if colour else ("",) * 5

    def say(self, text=""):
        print(text, file=self.out, flush=True)

    def heading(self, text):
        self.say(f"\n{self.bold}{text}{self.plain}\n")

    def row(self, colour, label, text, right):
        return f"  {colour}{label:<17}{self.plain} {text:<50} {self.dim}{right:>8}{self.plain}"

    def clear(self):
        if self.terminal:
            print("\r\x1b[K", end="", file=self.out, flush=True)

    @contextlib.contextmanager
    def step(self, label, text):
        """One line: what is being done while it is, then the time it took. The block may set .text to say what came of it."""
        step = _Step(text)
        began = time.monotonic()
        if self.terminal:
            print(self.row(self.dim, label, text, "..."), end="", file=self.out, flush=True)
        try:
            yield step
        except Exception:
            self.clear()
            self.say(self.row(self.red, label, f"{text}: failed", f"{time.monotonic() - began:.1f} s"))
            raise
        self.clear()
        self.say(self.row(self.green, label, step.text, f"{time.monotonic() - began:.1f} s"))

    def waiting(self, label, text):
        """A line that the next row replaces; on a terminal only."""
        if self.terminal:
            print(self.row(self.dim, label, text, "..."), end="", file=self.out, flush=True)


class _Step:
    def __init__(self, text):
        self.text = text
