/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Plot: the last hour as a drawing, in SVG, with its figures in words
 *
 * Lines have a colour and a pattern of their own; the legend says the newest value of each, so nobody needs
 * to read the drawing.
 */

#include "base/clock.h"
#include "base/str.h"

typedef struct Plot Plot;
typedef struct PlotLine PlotLine;

struct PlotLine {
        const char *name;
        const double *values; /* n of the plot; negative: a gap */
        const char *now;      /* the newest, in words */
};

struct Plot {
        const char *title;
        const char *unit; /* "ms", "changes", "%" */
        const PlotLine *lines;
        size_t n_lines;
        const Wall *at; /* n */
        size_t n;
        Wall now;
        const bool *shade; /* n; NULL: none. Where nothing might leave */
        double least_top;  /* of the scale */
        bool duration;     /* values are milliseconds: the scale says "2 s" */
};

void plot_draw(const Plot *p, Str *out);
