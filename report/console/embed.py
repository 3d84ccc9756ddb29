#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Make a C file of the console's files: embed.py REPORT_FOLDER OUTPUT.c STYLE.css... SCRIPT.js... ICON.svg"""
import hashlib
import re
import sys

sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import embed as report  # noqa: E402


def main(output, *inputs):
    css = "".join(report.read(path) for path in inputs if path.endswith(".css"))
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.S)
    css = "\n".join(line.strip() for line in css.splitlines() if line.strip()) + "\n"
    # Each in a scope of its own: the report's script is written for a page that has its parts.
    js = "".join("{\n" + report.read(path).replace('"use strict";', "") + "}\n" for path in inputs if path.endswith(".js"))
    js = '"use strict";\n' + "\n".join(
        line.strip() for line in js.splitlines() if line.strip() and not line.strip().startswith("//")) + "\n"
    svg = "".join(report.read(path) for path in inputs if path.endswith(".svg"))
    version = hashlib.sha256((css + js + svg).encode("utf-8")).hexdigest()[:16]
    with open(output, "w", encoding="utf-8") as f:
        f.write("/* SPDX-License-Identifier: Apache-2.0 */\n/* Made by embed.py; edit console.css, console.js. */\n")
        f.write('#include "report/console/assets.h"\n\n#include <stddef.h>\n\n')
        for name, text in (("style", css), ("script", js), ("icon", svg)):
            f.write("static " + report.array(name, text) + "\n\n")
        f.write("const ConsoleAsset console_assets[] = {\n"
                '        { "/style.css", "text/css; charset=utf-8", style },\n'
                '        { "/script.js", "text/javascript; charset=utf-8", script },\n'
                '        { "/icon.svg", "image/svg+xml", icon },\n'
                "        { NULL, NULL, NULL },\n};\n\n")
        f.write('const char console_assets_version[] = "%s";\n' % version)


if __name__ == "__main__":
    main(*sys.argv[2:])
