/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Connector: a directory of this process, with all that belongs to it alone
 *
 *      Connectors ---> Connector 0   corp.contoso.test    pin, circuit, names
 *                 '--> Connector 2   res.fabrikam.test    pin, circuit, names
 *
 * An object is (source, GUID), and the source is a number that is on disk with everything about the object.
 * So a number belongs to a source for ever, whatever becomes of the order in the configuration: the store
 * keeps the list of all sources it has ever known (memo "sources"), and a number is never given again. A
 * source is known by its name; one whose name is new, but whose base is that of a source which is not
 * configured any more, has been renamed.
 *
 * A directory that is gone is nobody else's trouble: each has a circuit of its own, and while it is open the
 * queue gives out none of its changes, but for one at a time, to try.
 *
 * What a directory says of its domain (%Domain.FQDN% and its kin) is kept with its number: rules about a
 * person whom two directories know need the names of both, also while one of them is gone.
 *
 * All functions may be called from any thread, once connectors_open() has returned.
 */

#include "app/config/config.h"
#include "app/flow/circuit.h"
#include "listener/server-door.h"
#include "listener/server-pin.h"
#include "queue/queue.h"

#include <stdatomic.h>

typedef struct Connector Connector;
typedef struct ConnectorNames ConnectorNames;
typedef struct Connectors Connectors;

enum {
        CONNECTOR_E_BASE_ = 2540, /* ERROR_BASE_APP */

        CONNECTOR_E_TOO_MANY, /* the store has known QUEUE_SOURCES_MAX sources; the diag says so */
};

/* What a directory has said of itself. Immutable, for the life of the process. */
struct ConnectorNames {
        const char *domain_fqdn, *domain_netbios, *forest_fqdn, *forest_netbios;
        const ExprParameter *parameters; /* of rules */
        size_t n_parameters;
};

typedef struct IntakeSink IntakeSink;

struct Connector {
        uint16_t number;
        const char *name;
        const char *feed;       /* key of its position in the queue: the name it had at first */
        const LdapConfig *ldap; /* as the process was started with */
        const SourceConfig *source;
        IntakeSink *intake; /* of its feed; NULL: no service runs here */
        ServerPin *pin;
        ServerDoor *door;
        Circuit circuit;
        _Atomic bool told;      /* the names have been heard in this process */
        _Atomic int64_t ask_us; /* Mono: not again before, if they are known */
};

/* A source that the store knows, configured or not. */
typedef struct KnownSource {
        const char *name, *base, *feed;
        _Atomic(const ConnectorNames *) names; /* NULL: never heard */
} KnownSource;

struct Connectors {
        Queue *queue;
        const Config *first; /* as the process was started with */
        const Clock *clock;
        const Log *log;
        Connector *items; /* in the order of the configuration */
        size_t n;
        KnownSource known[QUEUE_SOURCES_MAX]; /* by number */
        size_t n_known;
        pthread_mutex_t lock; /* protects arena, and keeps a circuit and its bar together */
        Arena *arena;
};

/* Number the sources. The config is borrowed. Return: 0, CONNECTOR_E_TOO_MANY, -errno. */
int connectors_open(Connectors *cs, const Config *first, Queue *queue, const Clock *clock, const Log *log,
                    Diag *diag);
void connectors_close(Connectors *cs);

Connector *connectors_find(Connectors *cs, uint16_t number);        /* NULL: not configured */
Connector *connectors_of_dn(Connectors *cs, const char *dn);        /* the innermost base; none: the first */
const char *connectors_name(const Connectors *cs, uint16_t number); /* NULL: never known */

/* Its base and scope in a configuration. One that a reload has dropped keeps them until the restart. */
const SourceConfig *connector_in_force(const Connector *c, const Config *config);

/* For a run, by number: names for all, scopes for those in force. Lives in the arena. */
const RunConnector *connectors_for_run(Connectors *cs, const Config *in_force, Arena *a, size_t *ret_n);

/* Have its domain's names been heard, in this process or before? Asks the directory if need be. */
bool connector_is_named(Connectors *cs, Connector *c, Source *source);

/*
 * May changes be worked on, as far as the sources go? Return: 0, with in `*ret_probe` a source that is gone
 * and that the caller is to try (say how it went, on the same thread), or NULL; else all of them are gone:
 * the microseconds until one may be tried. `*until` is lowered to when the next may be.
 */
int64_t connectors_ask(Connectors *cs, Mono now, Connector **ret_probe, int64_t *until);

/* As circuit_failed() and circuit_works(), and the queue is told. */
bool connector_failed(Connectors *cs, Connector *c, Mono now, const char *why);
bool connector_works(Connectors *cs, Connector *c, Mono began);

/* Names of the sources that a store knows, by number, for people. Lives in the arena. Return: 0, -errno. */
int connector_names_stored(Space *s, Arena *a, const char *const **ret_names, size_t *ret_n);
