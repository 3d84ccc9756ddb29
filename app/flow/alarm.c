/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/alarm.h"

#include "base/error.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

const char *const alarm_kinds[ALARM_KINDS] = { "circuit", "feed", "brake", "scheduler", "run", "reports" };

struct Alarm {
        List link;
        char *kind, *name, *text;
        Wall since;
};

static Alarm *alarm_free(Alarm *alarm)
{
        if (!alarm)
                return NULL;
        free(alarm->kind);
        free(alarm->name);
        free(alarm->text);
        free(alarm);
        return NULL;
}

static char *copy(const char *s)
{
        char *text = strdup(s ? s : "");

        if (!text)
                error_oom(1);
        return text;
}

static Alarm *alarm_new(const char *kind, const char *name, const char *text, Wall now)
{
        Alarm *alarm = calloc(1, sizeof(*alarm));

        if (!alarm)
                error_oom(sizeof(*alarm));
        *alarm = (Alarm){ .kind = copy(kind), .name = copy(name), .text = copy(text), .since = now };
        return alarm;
}

static Alarm *find(Alarms *a, const char *kind, const char *name)
{
        list_for_each (i, &a->open) {
                Alarm *alarm = list_entry(i, Alarm, link);

                if (str_is(alarm->kind, kind) && str_is(alarm->name, name))
                        return alarm;
        }
        return NULL;
}

static void tell(Alarms *a, AlarmTurn turn, const char *kind, const char *name, const char *text, Wall since,
                 Wall at)
{
        if (a->tell)
                a->tell(a->context, &(AlarmEvent){
                                            .turn = turn,
                                            .kind = kind,
                                            .name = name,
                                            .text = text ? text : "",
                                            .since = since,
                                            .at = at,
                                    });
}

void alarms_init(Alarms *a, void (*teller)(void *context, const AlarmEvent *event), void *context)
{
        *a = (Alarms){ .tell = teller, .context = context };
        pthread_mutex_init(&a->lock, NULL);
        list_init(&a->open);
}

void alarms_deinit(Alarms *a)
{
        list_for_each_safe (i, &a->open)
                alarm_free(list_entry(i, Alarm, link));
        list_init(&a->open);
        pthread_mutex_destroy(&a->lock);
}

static bool open_one(Alarms *a, const char *kind, const char *name, const char *text, Wall now, bool loud)
{
        bool opened;

        pthread_mutex_lock(&a->lock);
        opened = !find(a, kind, name);
        if (opened) {
                list_push(&a->open, &alarm_new(kind, name, text, now)->link);
                if (loud)
                        tell(a, ALARM_OPENED, kind, name, text, now, now);
        }
        pthread_mutex_unlock(&a->lock);
        return opened;
}

static bool close_one(Alarms *a, const char *kind, const char *name, const char *text, Wall now, bool loud)
{
        Alarm *alarm;
        bool was_open;

        pthread_mutex_lock(&a->lock);
        alarm = find(a, kind, name);
        was_open = alarm != NULL;
        if (alarm) {
                list_remove(&alarm->link);
                if (loud)
                        tell(a, ALARM_CLOSED, kind, name, text, alarm->since, now);
        }
        pthread_mutex_unlock(&a->lock);
        alarm_free(alarm);
        return was_open;
}

bool alarms_raise(Alarms *a, const char *kind, const char *name, const char *text, Wall now)
{
        return a && open_one(a, kind, name, text, now, true);
}

bool alarms_clear(Alarms *a, const char *kind, const char *name, const char *text, Wall now)
{
        return a && close_one(a, kind, name, text, now, true);
}

void alarms_mirror(Alarms *a, const char *kind, const char *name, const char *text, Wall now)
{
        if (a && text)
                open_one(a, kind, name, text, now, false);
        else if (a)
                close_one(a, kind, name, NULL, now, false);
}

void alarms_notice(Alarms *a, const char *kind, const char *name, const char *text, Wall now)
{
        if (!a)
                return;
        pthread_mutex_lock(&a->lock);
        tell(a, ALARM_NOTICE, kind, name, text, now, now);
        pthread_mutex_unlock(&a->lock);
}

void alarms_list(Alarms *a, Arena *arena, AlarmEvent **ret_events, size_t *ret_n)
{
        size_t n = 0;

        *ret_events = NULL;
        *ret_n = 0;
        if (!a)
                return;
        pthread_mutex_lock(&a->lock);
        list_for_each (i, &a->open)
                n++;
        *ret_events = arena_new_array(arena, AlarmEvent, n + 1);
        list_for_each (i, &a->open) {
                const Alarm *alarm = list_entry(i, Alarm, link);

                (*ret_events)[(*ret_n)++] = (AlarmEvent){
                        .turn = ALARM_OPENED,
                        .kind = arena_strdup(arena, alarm->kind),
                        .name = arena_strdup(arena, alarm->name),
                        .text = arena_strdup(arena, alarm->text),
                        .since = alarm->since,
                        .at = alarm->since,
                };
        }
        pthread_mutex_unlock(&a->lock);
}

const char *alarm_turn_name(AlarmTurn turn)
{
        static const char *const names[] = {
                [ALARM_OPENED] = "opened", [ALARM_CLOSED] = "closed", [ALARM_NOTICE] = "notice"
        };

        return turn <= ALARM_NOTICE ? names[turn] : "?";
}
