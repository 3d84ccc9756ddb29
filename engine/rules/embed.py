#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make a C file of the shipped rule files: embed.py OUTPUT.c FILE.yaml...

Files named optional-* are no part of the default set: they are added by a line of the configuration.

The program carries its default set in itself, so that it can run without any file but its configuration. Names
are shown as default/NAME in findings. The text is kept as it is, comments and all: `sosync rules show` prints it.
"""
import os
import sys


def literal(text):
    out = []
    for c in text.encode("utf-8"):
        if c in b'"\\':
            out.append("\\" + chr(c))
        elif c == 0x0A:
            out.append("\\n")
        elif 0x20 <= c < 0x7F and c != ord("?"):
            out.append(chr(c))
        else:
            # Octal with three digits cannot run into the character behind it; '?' avoids trigraphs.
            out.append("\\%03o" % c)
    return '"' + "".join(out) + '"'


def main(output, inputs):
    lines = [
        "/* SPDX-License-Identifier: Apache-2.0 */",
        "/* Made by embed.py of the files in default/: edit those. */",
        '#include "engine/rules/rules-internal.h"',
        "",
    ]
    names = []
    optional = []
    for path in sorted(inputs, key=os.path.basename):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        lines.append("static const char text_%d[] =" % len(names))
        lines += ["        " + literal(line) for line in text.splitlines(keepends=True)]
        lines[-1] += ";"
        lines.append("")
        names.append("default/" + os.path.basename(path))
        optional.append(os.path.basename(path).startswith("optional-"))
    for array, wanted in (("rules_default", False), ("rules_optional", True)):
        lines.append("const RulesFile %s[] = {" % array)
        for i, name in enumerate(names):
            if optional[i] == wanted:
                lines.append("        { .name = %s, .text = text_%d, .n = sizeof(text_%d) - 1 }," % (literal(name), i, i))
        lines += ["};", "", "const size_t n_%s = %d;" % (array, optional.count(wanted)), ""]
    with open(output, "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
