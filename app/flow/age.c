/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/age.h"

#include "base/arena.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define DAY_MS ((int64_t)86400 * 1000)

/* Of the time that has passed: the service that rests at night and on Sundays keeps up. */
#define PACE 2

#define NAME "age"

static Wall earlier(Wall a, Wall b)
{
        return a.ms < b.ms ? a : b;
}

static Wall kept(const char *folder)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(cleanup_free) char *text = NULL;
        Wall at = { 0 };
        size_t n;

        if (str_read_file(arena_printf(a, "%s/" NAME, folder), WALL_TEXT_MAX, &text, &n))
                return at;
        text[strcspn(text, "\n")] = 0;
        return wall_parse(text, &at) ? at : (Wall){ 0 };
}

void age_begin(Age *g, const char *folder, Wall newest, Wall now, Mono mono)
{
        Wall at = kept(folder);

        if (!at.ms)
                at = newest.ms ? earlier(now, newest) : now;
        *g = (Age){ .at = at, .looked = mono };
}

Wall age_pass(Age *g, Wall now, Mono mono)
{
        int64_t us = mono.us - g->looked.us;

        g->looked = mono;
        g->back_us = now.ms < g->at.ms - DAY_MS ? g->back_us + us : 0;
        if (now.ms > g->at.ms)
                g->at = earlier(now, wall_add(g->at, us / 1000 * PACE));
        else if (g->back_us >= DAY_MS * 1000)
                g->at = now;
        return earlier(now, g->at);
}

int age_keep(const Age *g, const char *folder)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        char at[WALL_TEXT_MAX];
        const char *text = arena_printf(a, "%s\n", wall_format(g->at, at));

        return str_write_file(arena_printf(a, "%s/" NAME, folder), text, strlen(text), 0640);
}
