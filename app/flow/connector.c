/* SPDX-License-Identifier: Apache-2.0 */

#include "app/flow/connector.h"

#include "base/error.h"
#include "base/str.h"
#include "engine/model/dn.h"
#include "engine/space/memo.h"

#include <errno.h>
#include <string.h>

#define MEMO "sources"

static const MemoShape shape = { .version = 1, .n_fields = 1 };

/* -- what the store knows ------------------------------------------------------------------------------ */

static const ConnectorNames *make_names(Arena *a, const char *connector, const char *base,
                                        const ConnectorNames *from)
{
        ConnectorNames *n = arena_new_of(a, ConnectorNames);
        ExprParameter *p = arena_new_array(a, ExprParameter, 6);

        n->domain_fqdn = arena_strdup(a, from->domain_fqdn);
        n->domain_netbios = arena_strdup(a, from->domain_netbios);
        n->forest_fqdn = arena_strdup(a, from->forest_fqdn);
        n->forest_netbios = arena_strdup(a, from->forest_netbios);
        p[0] = (ExprParameter){ "Domain.FQDN", n->domain_fqdn };
        p[1] = (ExprParameter){ "Domain.Netbios", n->domain_netbios };
        p[2] = (ExprParameter){ "Domain.LDAP", base };
        p[3] = (ExprParameter){ "Forest.FQDN", n->forest_fqdn };
        p[4] = (ExprParameter){ "Forest.Netbios", n->forest_netbios };
        p[5] = (ExprParameter){ "Connector.ID", connector };
        n->parameters = p;
        n->n_parameters = 6;
        return n;
}

/* An account may not see the names of its domain: known from before, they do, and who asks pays a search. */
#define ASK_AGAIN_US ((int64_t)60 * 1000000)

/* One of the list: name, base, feed, then the four names of domain and forest, nil until they were heard. */
static void read_known(PackReader *r, Arena *a, KnownSource *ret)
{
        size_t n = unpack_array(r);
        ConnectorNames names;

        ret->name = unpack_str(r, a);
        ret->base = unpack_str(r, a);
        ret->feed = unpack_str(r, a);
        names.domain_fqdn = unpack_str(r, a);
        names.domain_netbios = unpack_str(r, a);
        names.forest_fqdn = unpack_str(r, a);
        names.forest_netbios = unpack_str(r, a);
        if (n > 7)
                unpack_skip(r, n - 7);
        if (!ret->name || !ret->base || !ret->feed)
                r->error = r->error ? r->error : PACK_E_CORRUPT;
        else if (names.domain_fqdn)
                ret->names = make_names(a, ret->name, ret->base, &names);
}

/* Return: 0, also when there is no list yet; -errno. A list that cannot be read would give numbers again. */
static int read_list(Space *s, Arena *a, KnownSource *known, size_t *ret_n)
{
        MemoReader m;
        size_t n;
        int e = memo_open(s, MEMO, &shape, a, &m, NULL);

        *ret_n = 0;
        if (e == SPACE_E_NONE)
                return 0;
        if (e)
                return error_fold(e);
        n = unpack_array(&m.pack);
        if (n > QUEUE_SOURCES_MAX)
                return error_origin(-EBADMSG);
        for (size_t i = 0; i < n; i++)
                read_known(&m.pack, a, &known[i]);
        if (memo_close(&m))
                return error_origin(-EBADMSG);
        *ret_n = n;
        return 0;
}

/* The lock is held, or nobody else is there yet. */
static int write_list(Connectors *cs)
{
        SpaceBatch b;
        PackWriter w;

        memo_begin(&w, &shape);
        pack_array(&w, cs->n_known);
        for (size_t i = 0; i < cs->n_known; i++) {
                const KnownSource *k = &cs->known[i];
                const ConnectorNames none = { 0 }, *names = k->names ? k->names : &none;

                pack_array(&w, 7);
                pack_str(&w, k->name);
                pack_str(&w, k->base);
                pack_str(&w, k->feed);
                pack_str(&w, names->domain_fqdn);
                pack_str(&w, names->domain_netbios);
                pack_str(&w, names->forest_fqdn);
                pack_str(&w, names->forest_netbios);
        }
        space_batch_init(&b, cs->arena);
        memo_end(&w, &b, MEMO, SPACE_ANY);
        return error_fold(queue_put_batch(cs->queue, &b, clock_wall(cs->clock)));
}

int connector_names_stored(Space *s, Arena *a, const char *const **ret_names, size_t *ret_n)
{
        KnownSource *known = arena_new_array(a, KnownSource, QUEUE_SOURCES_MAX);
        const char **names = arena_new_array(a, const char *, QUEUE_SOURCES_MAX);
        int r = read_list(s, a, known, ret_n);

        if (r)
                return r;
        for (size_t i = 0; i < *ret_n; i++)
                names[i] = known[i].name;
        *ret_names = names;
        return 0;
}

/* -- numbers ------------------------------------------------------------------------------------------- */

static bool is_base(const char *a, const char *b)
{
        _cleanup_(arena_freep) Arena *arena = arena_new(0);
        const Dn *x, *y;

        return dn_parse(arena, a, &x, NULL) == 0 && dn_parse(arena, b, &y, NULL) == 0 && dn_is(x, y);
}

/* A store from before there were several sources: number 0 is the one that has a position. */
static size_t first_of_old(Connectors *cs)
{
        for (size_t i = 0; i < cs->first->n_sources; i++) {
                _cleanup_(arena_freep) Arena *a = arena_new(0);
                const void *data;
                size_t n;

                if (queue_position(cs->queue, cs->first->sources[i].ldap.name, a, &data, &n) == 0)
                        return i;
        }
        return 0;
}

static KnownSource *find_name(Connectors *cs, const char *name)
{
        for (size_t i = 0; i < cs->n_known; i++)
                if (str_is_nocase(cs->known[i].name, name))
                        return &cs->known[i];
        return NULL;
}

static KnownSource *find_renamed(Connectors *cs, const LdapConfig *ldap)
{
        for (size_t i = 0; i < cs->n_known; i++)
                if (!config_source(cs->first, cs->known[i].name) && is_base(cs->known[i].base, ldap->base))
                        return &cs->known[i];
        return NULL;
}

/* With another name and another base at once nobody can tell that it is the same directory: its objects would
 * be those of a new one, and what is known of them says nothing any more. */
static void warn_of_orphan(Connectors *cs, const LdapConfig *ldap)
{
        for (size_t i = 0; i < cs->n_known; i++)
                if (!config_source(cs->first, cs->known[i].name))
                        log_warning(
                                cs->log,
                                "a source is new, and one that is known is not configured any more; if it is "
                                "the same directory, stop and give it its old name",
                                LOG_STR("new", ldap->name), LOG_STR("old", cs->known[i].name));
}

/* Return: 0, CONNECTOR_E_TOO_MANY. */
static int number_source(Connectors *cs, const LdapConfig *ldap, bool *changed, Diag *diag)
{
        KnownSource *k = find_name(cs, ldap->name);

        if (!k && (k = find_renamed(cs, ldap))) {
                log_warning(cs->log, "a source has a new name; its objects and its place are kept",
                            LOG_STR("old", k->name), LOG_STR("new", ldap->name));
                k->name = arena_strdup(cs->arena, ldap->name);
                k->names = NULL; /* Connector.ID is among them */
                *changed = true;
        }
        /* A domain that was renamed. By this base it is found, should it have another name one day. */
        if (k && !is_base(k->base, ldap->base)) {
                k->base = arena_strdup(cs->arena, ldap->base);
                k->names = NULL;
                *changed = true;
        }
        if (k)
                return 0;
        warn_of_orphan(cs, ldap);
        if (cs->n_known == QUEUE_SOURCES_MAX) {
                diag_set(diag,
                         "source \"%s\" is the %dth that this store would have to know; begin with an empty "
                         "state folder",
                         ldap->name, QUEUE_SOURCES_MAX + 1);
                return CONNECTOR_E_TOO_MANY;
        }
        cs->known[cs->n_known++] = (KnownSource){
                .name = arena_strdup(cs->arena, ldap->name),
                .base = arena_strdup(cs->arena, ldap->base),
                .feed = arena_strdup(cs->arena, ldap->name),
        };
        *changed = true;
        return 0;
}

static int number_all(Connectors *cs, Diag *diag)
{
        const SourceConfig *sources = cs->first->sources;
        bool changed = false;
        int r = 0;

        if (cs->n_known == 0)
                r = number_source(cs, &sources[first_of_old(cs)].ldap, &changed, diag);
        for (size_t i = 0; r == 0 && i < cs->first->n_sources; i++)
                r = number_source(cs, &sources[i].ldap, &changed, diag);
        if (r == 0 && changed)
                r = write_list(cs);
        return r;
}

int connectors_open(Connectors *cs, const Config *first, Queue *queue, const Clock *clock, const Log *log,
                    Diag *diag)
{
        int r;

        *cs = (Connectors){
                .queue = queue, .first = first, .clock = clock, .log = log, .arena = arena_new(0)
        };
        pthread_mutex_init(&cs->lock, NULL);
        r = read_list(queue_space(queue), cs->arena, cs->known, &cs->n_known);
        if (r == 0)
                r = number_all(cs, diag);
        if (r)
                return r;
        cs->items = arena_new_array(cs->arena, Connector, first->n_sources + 1);
        for (size_t i = 0; i < first->n_sources; i++) {
                const LdapConfig *ldap = &first->sources[i].ldap;
                const KnownSource *k = find_name(cs, ldap->name);
                Connector *c = &cs->items[cs->n++];

                c->number = (uint16_t)(k - cs->known);
                c->name = k->name;
                c->feed = k->feed;
                c->ldap = ldap;
                c->source = &first->sources[i];
                c->pin = server_pin_new();
                c->door = server_door_new();
                circuit_init(&c->circuit);
        }
        return 0;
}

void connectors_close(Connectors *cs)
{
        if (!cs->arena)
                return;
        for (size_t i = 0; i < cs->n; i++) {
                server_pin_free(cs->items[i].pin);
                server_door_free(cs->items[i].door);
                circuit_deinit(&cs->items[i].circuit);
        }
        pthread_mutex_destroy(&cs->lock);
        cs->arena = arena_free(cs->arena);
        cs->n = 0;
}

Connector *connectors_find(Connectors *cs, uint16_t number)
{
        for (size_t i = 0; i < cs->n; i++)
                if (cs->items[i].number == number)
                        return &cs->items[i];
        return NULL;
}

Connector *connectors_of_dn(Connectors *cs, const char *dn)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        const SourceConfig *source = NULL;
        const Dn *parsed;

        if (dn_parse(a, dn, &parsed, NULL) == 0)
                source = config_source_of(cs->first, parsed);
        return &cs->items[source ? source - cs->first->sources : 0];
}

const char *connectors_name(const Connectors *cs, uint16_t number)
{
        return number < cs->n_known ? cs->known[number].name : NULL;
}

/* -- runs ---------------------------------------------------------------------------------------------- */

const SourceConfig *connector_in_force(const Connector *c, const Config *config)
{
        const SourceConfig *s = config_source(config, c->name);

        return s ? s : c->source;
}

const RunConnector *connectors_for_run(Connectors *cs, const Config *config, Arena *a, size_t *ret_n)
{
        RunConnector *list = arena_new_array(a, RunConnector, cs->n_known);

        for (size_t i = 0; i < cs->n_known; i++) {
                const Connector *c = connectors_find(cs, (uint16_t)i);
                const SourceConfig *s = c ? connector_in_force(c, config) : NULL;
                const ConnectorNames *names = cs->known[i].names;

                list[i].name = cs->known[i].name;
                if (s) {
                        list[i].scope = s->compiled;
                        list[i].group_filter = s->scope.group_filter;
                        list[i].on_leave = (LastWord)s->scope.on_leave;
                        list[i].on_delete = (LastWord)s->scope.on_delete;
                }
                if (names) {
                        list[i].parameters = names->parameters;
                        list[i].n_parameters = names->n_parameters;
                }
        }
        *ret_n = cs->n_known;
        return list;
}

static bool is_same(const char *a, const char *b)
{
        return !a == !b && (!a || str_is(a, b));
}

/* What it says now, and if that is news, for the next start too. */
static void hear(Connectors *cs, Connector *c, const SourceInfo *info)
{
        KnownSource *k = &cs->known[c->number];
        ConnectorNames said = {
                .domain_fqdn = info->domain_fqdn,
                .domain_netbios = info->domain_netbios,
                .forest_fqdn = info->forest_fqdn,
                .forest_netbios = info->forest_netbios,
        };
        const ConnectorNames *had;

        pthread_mutex_lock(&cs->lock);
        had = k->names;
        if (!had || !is_same(had->domain_fqdn, said.domain_fqdn) ||
            !is_same(had->domain_netbios, said.domain_netbios) ||
            !is_same(had->forest_fqdn, said.forest_fqdn) ||
            !is_same(had->forest_netbios, said.forest_netbios)) {
                k->names = make_names(cs->arena, c->name, arena_strdup(cs->arena, info->base), &said);
                if (write_list(cs))
                        log_warning(cs->log, "the names of a domain could not be stored",
                                    LOG_STR("source", c->name));
        }
        c->told = true;
        pthread_mutex_unlock(&cs->lock);
}

bool connector_is_named(Connectors *cs, Connector *c, Source *source)
{
        const int64_t now = clock_mono(cs->clock).us;
        bool named = cs->known[c->number].names != NULL;
        SourceInfo info;

        /* Without names nothing can be done; known ones are only compared with what it says now. */
        if (c->told || (named && now < c->ask_us))
                return named;
        c->ask_us = now + ASK_AGAIN_US;
        if (source_info(source, &info, NULL) == 0)
                hear(cs, c, &info);
        return cs->known[c->number].names != NULL;
}

/* -- circuits ------------------------------------------------------------------------------------------ */

int64_t connectors_ask(Connectors *cs, Mono now, Connector **ret_probe, int64_t *until)
{
        int64_t soonest = INT64_MAX;
        size_t n_gone = 0;

        *ret_probe = NULL;
        for (size_t i = 0; i < cs->n; i++) {
                Connector *c = &cs->items[i];
                int64_t wait;

                if (!circuit_is_open(&c->circuit, NULL, 0))
                        continue;
                n_gone++;
                wait = *ret_probe ? 0 : circuit_ask(&c->circuit, now);
                if (wait == 0 && !*ret_probe)
                        *ret_probe = c;
                if (wait > 0 && wait < soonest)
                        soonest = wait;
        }
        if (soonest < *until)
                *until = soonest;
        return n_gone == cs->n && !*ret_probe ? soonest : 0;
}

bool connector_failed(Connectors *cs, Connector *c, Mono now, const char *why)
{
        bool opened;

        pthread_mutex_lock(&cs->lock);
        opened = circuit_failed(&c->circuit, now, why);
        if (opened)
                queue_bar(cs->queue, c->number, true);
        pthread_mutex_unlock(&cs->lock);
        return opened;
}

bool connector_works(Connectors *cs, Connector *c, Mono began)
{
        bool closed;

        pthread_mutex_lock(&cs->lock);
        closed = circuit_works(&c->circuit, began);
        if (closed)
                queue_bar(cs->queue, c->number, false);
        pthread_mutex_unlock(&cs->lock);
        return closed;
}
