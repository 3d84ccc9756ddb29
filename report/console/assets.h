/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Style, script and icon: made by embed.py of report.css, console.css, report.js, console.js and icon.svg. */

typedef struct ConsoleAsset {
        const char *path; /* "/style.css" */
        const char *type;
        const char *text;
} ConsoleAsset;

extern const ConsoleAsset console_assets[]; /* ended by one without path */

/* Changes with their content, so that a browser may keep them for ever. */
extern const char console_assets_version[];
