/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bundle: one report for support, as a zip
 *
 *      report.htm        as `report html` writes it
 *      report.json       the whole document
 *      rules.yaml        the rules of the configuration as they are now: perhaps not those of the report
 *      sosync.yaml       the effective configuration; secrets are paths, as everywhere
 *      README.txt        what is in it, and versions
 *
 * It holds the values of one object and the names of servers and tenant, and nothing else of the directory.
 */

#include "app/config/config.h"
#include "report/html.h"

/* Return: 0; -errno, the diag says what. Written to a temporary name and renamed; mode 0640. */
int bundle_write(const char *path, const Config *config, const Outcome *o, const HtmlPrevious *previous,
                 Diag *diag);
