/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Alarm: something that needs a person, told once when it begins and once when it is over
 *
 *      circuit target   Microsoft Graph cannot be used       closes by itself
 *      brake disable    more disables than are believable    `sosync queue release --brake disable`
 *
 * An alarm has a kind and a name. Raising one that is open tells nobody again, and clearing one that is not
 * open nothing at all: ten thousand changes that meet the same wall are one message. A notice is told each
 * time; it has no end.
 *
 * Who is told is the owner's business (app/flow/herald.h runs the command of `notify:`; tests listen
 * themselves). `tell` is called under the lock, so the events of one alarm come in their order; it must not
 * block, and must not ask for alarms itself.
 *
 * Any thread. Alarms are not stored: what is still so after a restart is found again (a brake by
 * app/service/roles.c, at the start). A NULL Alarms is allowed everywhere: nobody is told.
 */

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"

#include <pthread.h>

typedef struct Alarm Alarm;
typedef struct AlarmEvent AlarmEvent;
typedef struct Alarms Alarms;

/* What can be open. What is only noticed may be of other kinds. */
#define ALARM_KINDS 6
extern const char *const alarm_kinds[ALARM_KINDS];

typedef enum AlarmTurn {
        ALARM_OPENED,
        ALARM_CLOSED,
        ALARM_NOTICE,
} AlarmTurn;

struct AlarmEvent {
        AlarmTurn turn;
        const char *kind; /* of alarm_kinds, or a notice's own */
        const char *name; /* "target" "disable" */
        const char *text; /* one sentence, or what somebody else said: hostile */
        Wall since;       /* when it was raised */
        Wall at;
};

struct Alarms {
        void (*tell)(void *context, const AlarmEvent *event); /* NULL: nobody listens */
        void *context;

        pthread_mutex_t lock; /* protects what follows */
        List open;            /* Alarm */
};

void alarms_init(Alarms *a, void (*tell)(void *context, const AlarmEvent *event), void *context);
void alarms_deinit(Alarms *a);

/* Returns true if that opened it. */
bool alarms_raise(Alarms *a, const char *kind, const char *name, const char *text, Wall now);
/* Returns true if it was open. */
bool alarms_clear(Alarms *a, const char *kind, const char *name, const char *text, Wall now);
void alarms_notice(Alarms *a, const char *kind, const char *name, const char *text, Wall now);

/* What another node of the cluster has told, or (text NULL) has said to be over: listed here, and told by
 * nobody again. */
void alarms_mirror(Alarms *a, const char *kind, const char *name, const char *text, Wall now);

/* Those that are open, oldest first, in the arena. */
void alarms_list(Alarms *a, Arena *arena, AlarmEvent **ret_events, size_t *ret_n);

const char *alarm_turn_name(AlarmTurn turn); /* "opened" "closed" "notice" */
