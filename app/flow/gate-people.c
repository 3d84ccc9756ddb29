/* SPDX-License-Identifier: Apache-2.0 */

/* The gate, as people and the regular cycle ask it. */

#include "app/flow/gate.h"

#include "engine/scheduler/scheduler-internal.h"

#include <jansson.h>

bool gate_own_cycle(Gate *g, bool in_progress, int64_t interval_us, Wall next)
{
        _cleanup_(arena_freep) Arena *a = NULL;
        SchedulerState state;

        if (!g || !g->options.driver->own_cycle)
                return true;
        scheduler_internal_cycle(g->options.driver, in_progress, interval_us, next);
        if (in_progress || next.ms > clock_wall(g->options.clock).ms)
                return false;
        /* Read, not remembered: the flag may be an administrator's. */
        a = arena_new(0);
        return scheduler_status(g->options.driver, a, &state, NULL) == 0 && state.sync_cycle_enabled;
}

int gate_show(Gate *g, Str *out_json, Diag *diag)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        SchedulerState state;
        FlagView view;
        json_t *o;
        char *text;
        Str fields;
        int r;

        pthread_mutex_lock(&g->work);
        r = scheduler_status(g->options.driver, a, &state, diag);
        pthread_mutex_unlock(&g->work);
        if (r)
                return r;
        gate_view(g, &view);
        str_init(&fields, SCHEDULER_JSON_MAX * 2);
        scheduler_print_json(&state, &fields);
        o = json_loadb(fields.data, fields.n, 0, NULL);
        str_deinit(&fields);
        json_object_set_new(o, "SosyncState", json_string(flag_phase_name(view.phase)));
        json_object_set_new(o, "SosyncText", json_string(view.text));
        json_object_set_new(o, "SosyncAlarm", view.alarm ? json_string(view.alarm) : json_null());
        text = json_dumps(o, JSON_COMPACT);
        str_add(out_json, text ? text : "{}");
        free(text);
        json_decref(o);
        return 0;
}

int gate_set(Gate *g, bool enabled, Diag *diag)
{
        int r;

        pthread_mutex_lock(&g->work);
        r = flag_set(&g->flag, enabled, diag);
        pthread_mutex_unlock(&g->work);
        if (r == 0)
                log_info(g->options.log, "SyncCycleEnabled was set by a person",
                         LOG_STR("to", enabled ? "true" : "false"));
        return r;
}
