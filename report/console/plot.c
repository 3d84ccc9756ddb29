/* SPDX-License-Identifier: Apache-2.0 */

#include "report/console/plot.h"

#include "report/html.h"

#include <math.h>

#define HOUR_MS ((int64_t)3600 * 1000)
#define WIDTH   600.0
#define HEIGHT  100.0

/* Two neighbours further apart than this have a gap between them: the service was not there. */
#define GAP_MS 25000

/* The next of 1, 2, 5, 10, ... */
static double top_of(const Plot *p)
{
        double most = p->least_top, step;

        for (size_t l = 0; l < p->n_lines; l++)
                for (size_t i = 0; i < p->n; i++)
                        most = p->lines[l].values[i] > most ? p->lines[l].values[i] : most;
        step = pow(10, floor(log10(most)));
        return most <= step ? step : most <= 2 * step ? 2 * step : most <= 5 * step ? 5 * step : 10 * step;
}

static double x_of(const Plot *p, size_t i)
{
        return WIDTH * (1 - (double)(p->now.ms - p->at[i].ms) / (double)HOUR_MS);
}

/* Is there something to draw at i, and does a line come to it from the point before? */
static bool is_drawn(const Plot *p, size_t line, size_t i)
{
        return i < p->n && p->lines[line].values[i] >= 0 && x_of(p, i) >= 0;
}

static bool is_joined(const Plot *p, size_t line, size_t i)
{
        return i && is_drawn(p, line, i) && is_drawn(p, line, i - 1) &&
               p->at[i].ms - p->at[i - 1].ms <= GAP_MS;
}

static void add_line(Str *out, const Plot *p, size_t line, double top)
{
        const double *values = p->lines[line].values;

        str_printf(out, "<path class=\"line l%zu\" d=\"", line + 1);
        for (size_t i = 0; i < p->n; i++)
                if (is_drawn(p, line, i))
                        str_printf(out, "%c%.1f %.1f", is_joined(p, line, i) ? 'L' : 'M', x_of(p, i),
                                   HEIGHT - values[i] / top * HEIGHT);
        html_raw(out, "\"/>");
        /* A point without a neighbour is no line: where few changes come, it is all there is to see. */
        str_printf(out, "<path class=\"line lone l%zu\" d=\"", line + 1);
        for (size_t i = 0; i < p->n; i++)
                if (is_drawn(p, line, i) && !is_joined(p, line, i) &&
                    !(i + 1 < p->n && is_joined(p, line, i + 1)))
                        str_printf(out, "M%.1f %.1fh.1", x_of(p, i), HEIGHT - values[i] / top * HEIGHT);
        html_raw(out, "\"/>");
}

static void add_scale(Str *out, const Plot *p, double value)
{
        char text[32];

        if (p->duration && value > 0)
                str_printf(out, "%s", duration_format((int64_t)(value * 1000), text, sizeof(text)));
        else
                str_printf(out, "%.0f%s%s", value, *p->unit == '%' ? " " : "", *p->unit == '%' ? "%" : "");
}

void plot_draw(const Plot *p, Str *out)
{
        double top = top_of(p);

        html_raw(out, "<figure class=\"plot\"><figcaption><h2>");
        html_text(out, p->title);
        html_raw(out, "</h2><ul class=\"legend\">");
        for (size_t i = 0; i < p->n_lines; i++) {
                str_printf(out,
                           "<li><svg class=\"dash\" viewBox=\"0 0 24 8\" aria-hidden=\"true\">"
                           "<path class=\"line l%zu\" d=\"M0 4h24\"/></svg>",
                           i + 1);
                html_text(out, p->lines[i].name);
                html_raw(out, " <b>");
                html_text(out, p->lines[i].now);
                html_raw(out, "</b></li>");
        }
        html_raw(out, "</ul></figcaption><div class=\"drawing\"><span class=\"scale high\">");
        add_scale(out, p, top);
        html_raw(out, "</span><span class=\"scale half\">");
        add_scale(out, p, top / 2);
        str_printf(out,
                   "</span><span class=\"scale low\">0</span><svg class=\"graph\" viewBox=\"0 0 %g %g\" "
                   "preserveAspectRatio=\"none\" aria-hidden=\"true\">"
                   "<path class=\"grid\" d=\"M0 .5H%g M0 50H%g M0 99.5H%g\"/>",
                   WIDTH, HEIGHT, WIDTH, WIDTH, WIDTH);
        for (size_t i = 0; p->shade && i < p->n; i++)
                if (p->shade[i] && x_of(p, i) > 0)
                        str_printf(out,
                                   "<rect class=\"hold\" x=\"%.1f\" y=\"0\" width=\"2\" height=\"100\"/>",
                                   x_of(p, i) - 2);
        for (size_t i = 0; i < p->n_lines; i++)
                add_line(out, p, i, top);
        html_raw(out, "</svg></div><p class=\"axis\" aria-hidden=\"true\"><span>an hour ago</span><span>half "
                      "an hour</span>"
                      "<span>now</span></p></figure>\n");
}
