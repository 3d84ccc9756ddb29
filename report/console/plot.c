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

static void add_line(Str *out, const Plot *p, size_t line, double top)
{
        const double *values = p->lines[line].values;
        bool pen_down = false;

        str_printf(out, "<path class=\"line l%zu\" d=\"", line + 1);
        for (size_t i = 0; i < p->n; i++) {
                double x = x_of(p, i);

                if (values[i] < 0 || x < 0) {
                        pen_down = false;
                        continue;
                }
                if (i && p->at[i].ms - p->at[i - 1].ms > GAP_MS)
                        pen_down = false;
                /* A single point has a length too, or it would not be seen. */
                str_printf(out, pen_down ? "L%.1f %.1f" : "M%.1f %.1fh1", x,
                           HEIGHT - values[i] / top * HEIGHT);
                pen_down = true;
        }
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
