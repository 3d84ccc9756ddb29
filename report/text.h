/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Text: an outcome for a terminal: the ten steps, what was modified, what went wrong and what to do. */

#include "base/str.h"
#include "engine/model/outcome.h"

/* `columns`: width of the terminal; `colour`: ANSI colours. */
void text_report(const Outcome *o, size_t columns, bool colour, Str *out);
