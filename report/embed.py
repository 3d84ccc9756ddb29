#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make a C file of the page's style and script: embed.py OUTPUT.c STYLE.css... SCRIPT.js

The report is one file, and its Content-Security-Policy lets only these two run, by their hashes. A hash is of
what stands between the tags, so it is taken here, of exactly the bytes that are written.
"""
import base64
import hashlib
import re
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


def array(name, text):
    lines = ["const char %s[] =" % name]
    lines += ["        " + literal(line) for line in text.splitlines(keepends=True)]
    return "\n".join(lines) + ";"


def source(hash_of):
    digest = hashlib.sha256(hash_of.encode("utf-8")).digest()
    return "'sha256-%s'" % base64.b64encode(digest).decode("ascii")


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def main(output, *inputs):
    css = "".join(read(path) for path in inputs if path.endswith(".css"))
    js = "".join(read(path) for path in inputs if path.endswith(".js"))
    # Comments and indentation are for us; strings of the style hold none of what is removed.
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    css = "\n".join(line.strip() for line in css.splitlines() if line.strip()) + "\n"
    js = "\n".join(line.strip() for line in js.splitlines() if line.strip() and not line.strip().startswith("//")) + "\n"
    for text in css, js:
        if "</" in text:
            sys.exit("a closing tag would end the element it is written into")
    policy = (
        "default-src 'none'; style-src %s; script-src %s; base-uri 'none'; form-action 'none'"
        % (source(css), source(js))
    )
    with open(output, "w", encoding="utf-8") as f:
        f.write("/* SPDX-License-Identifier: Apache-2.0 */\n/* Made by embed.py; edit report*.css, report.js. */\n")
        f.write('#include "report/html-internal.h"\n\n')
        f.write(array("html_css", css) + "\n\n" + array("html_js", js) + "\n\n" + array("html_policy", policy) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
