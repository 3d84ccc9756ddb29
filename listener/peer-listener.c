/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The listener by hand, for tests against real servers (peer-listener.py)
 *
 *      peer-listener CONFIG open                 connect once; one JSON line, exit status 0 or 1
 *      peer-listener CONFIG feed [POSITION]      follow changes; a JSON line for each state, batch and entry
 *      peer-listener CONFIG source [RANGE]       answer commands from standard input
 *
 * CONFIG is the section `source:` as a file of its own. The feed takes commands from standard input, one a
 * line: pause, resume, full N (the next N batches are refused), stop; it ends with its standard input. The
 * position is kept in the file POSITION, written before a batch is acknowledged.
 */

#include <event2/event.h>
#include <event2/thread.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"
#include "listener/feed-link.h"
#include "listener/ldap-conn.h"
#include "listener/source-ldap.h"

typedef struct Peer {
        FeedSink sink;
        const char *position_file;
        atomic_uint n_full;
        Feed *feed;
} Peer;

static pthread_mutex_t out_lock = PTHREAD_MUTEX_INITIALIZER;

static void say(json_t *line)
{
        char *text = json_dumps(line, JSON_COMPACT);

        pthread_mutex_lock(&out_lock);
        puts(text ? text : "{\"error\":\"not UTF-8\"}");
        fflush(stdout);
        pthread_mutex_unlock(&out_lock);
        free(text);
        json_decref(line);
}

static int64_t mono_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static json_t *texts(const Object *o)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        json_t *all = json_object();

        for (size_t i = 0; i < o->n_attributes; i++) {
                const Attribute *attribute = &o->attributes[i];
                json_t *values = json_array();

                for (size_t k = 0; k < value_count(attribute->value) && k < 10; k++)
                        json_array_append_new(
                                values, json_string(value_text(a, value_at(attribute->value, k), 1000)));
                json_object_set_new(all, attribute->name,
                                    json_pack("{s:s, s:b, s:i, s:o}", "type",
                                              value_type_name(value_at(attribute->value, 0)), "list",
                                              attribute->value.type == VALUE_LIST, "n",
                                              (int)value_count(attribute->value), "values", values));
        }
        return all;
}

/* -- feed ------------------------------------------------------------------------------------------------ */

static int peer_batch(FeedSink *sink, const FeedBatch *batch)
{
        Peer *p = (Peer *)sink;
        int64_t now = mono_ns();
        char id[GUID_TEXT_MAX];

        if (atomic_load(&p->n_full)) {
                atomic_fetch_sub(&p->n_full, 1);
                say(json_pack("{s:s, s:i}", "event", "full", "n", (int)batch->n_entries));
                return FEED_E_FULL;
        }
        for (size_t i = 0; i < batch->n_entries; i++) {
                const FeedEntry *e = &batch->entries[i];

                say(json_pack("{s:s, s:I, s:s, s:s, s:b, s:b, s:I, s:o}", "event", "entry", "mono_ns",
                              (json_int_t)now, "dn", e->dn, "id", guid_format(&e->id, id), "gone", e->gone,
                              "catch_up", batch->catch_up, "usn", (json_int_t)e->version.number, "brought",
                              texts(e->brought)));
        }
        if (batch->position && p->position_file)
                str_write_file(p->position_file, (const char *)batch->position->data, batch->position->n,
                               0600);
        say(json_pack("{s:s, s:i, s:b, s:b}", "event", "batch", "n", (int)batch->n_entries, "position",
                      batch->position != NULL, "catch_up", batch->catch_up));
        return 0;
}

static void peer_state(FeedSink *sink, const FeedStatus *s)
{
        static FeedState last = FEED_STOPPED;
        char id[GUID_TEXT_MAX];

        if (s->state == last)
                return;
        last = s->state;
        say(json_pack("{s:s, s:s, s:s?, s:s, s:s, s:I}", "event", "state", "state", feed_state_name(s->state),
                      "server", s->server, "server_id", guid_format(&s->server_id, id), "text", s->text,
                      "mono_ns", (json_int_t)mono_ns()));
}

static void *read_commands(void *context)
{
        Peer *p = context;
        char line[256];
        unsigned n;

        while (fgets(line, sizeof(line), stdin)) {
                if (strcmp(line, "pause\n") == 0)
                        feed_pause(p->feed, true);
                else if (strcmp(line, "resume\n") == 0)
                        feed_pause(p->feed, false);
                else if (sscanf(line, "full %u", &n) == 1)
                        atomic_store(&p->n_full, n);
                else if (strcmp(line, "stop\n") == 0)
                        break;
        }
        feed_stop(p->feed);
        return NULL;
}

static int follow(const LdapConfig *config, const char *position_file)
{
        static const char *const attributes[] = { "displayName", "mail",       "member", "title",
                                                  "whenChanged", "uSNChanged", "manager" };
        Peer peer = { .sink = { .batch = peer_batch, .state = peer_state }, .position_file = position_file };
        FeedConfig c = {
                .ldap = config, .clock = &clock_system, .attributes = attributes, .n_attributes = 7
        };
        _cleanup_(server_pin_freep) ServerPin *pin = server_pin_new();
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        _cleanup_(cleanup_free) char *data = NULL;
        struct event_base *base = event_base_new();
        Position from = { 0 };
        pthread_t commands;
        int r;

        c.pin = pin;
        r = feed_find(ldap_config_feeds[config->feed])
                    ->new (&peer.feed, &c, base, &peer.sink, &(Log){ 0 }, &diag);
        if (r)
                return 1;
        if (position_file && str_read_file(position_file, 2 << 20, &data, &from.n) == 0)
                from.data = (const uint8_t *)data;
        r = feed_start(peer.feed, from.data ? &from : NULL);
        if (r == 0 && pthread_create(&commands, NULL, read_commands, &peer) == 0) {
                event_base_dispatch(base);
                pthread_cancel(commands);
                pthread_join(commands, NULL);
        }
        feed_free(peer.feed);
        event_base_free(base);
        return r ? 1 : 0;
}

/* -- source ---------------------------------------------------------------------------------------------- */

static const char *condition_name(int r)
{
        static const char *const names[] = { "not found", "stale",     "unreachable",
                                             "refused",   "too large", "cut off" };

        if (r == 0)
                return "ok";
        return r > SOURCE_E_BASE_ && r <= SOURCE_E_CUT_OFF ? names[r - SOURCE_E_BASE_ - 1] : "error";
}

static void answer(int r, const Diag *diag, json_t *more)
{
        json_t *line = more ? more : json_object();

        json_object_set_new(line, "result", json_string(condition_name(r)));
        if (r)
                json_object_set_new(line, "reason", json_string(diag_text(diag)));
        say(line);
}

/* read DN-or-GUID at_least */
static void command_read(Source *s, const char *name, unsigned long long at_least)
{
        static const char *const attributes[] = { "displayName", "manager",       "userAccountControl",
                                                  "pwdLastSet",  "objectSid",     "whenCreated",
                                                  "isDeleted",   "proxyAddresses" };
        static const char *const links[] = { "member" };
        _cleanup_(arena_freep) Arena *a = arena_new(ARENA_LIMIT_RUN);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        SourceInfo info = { 0 };
        SourceEntry e = { 0 };
        SourceQuery q = {
                .dn = name,
                .attributes = attributes,
                .n_attributes = N_ELEMENTS(attributes),
                .links = links,
                .n_links = N_ELEMENTS(links),
        };
        char id_text[GUID_TEXT_MAX], parent[GUID_TEXT_MAX];
        json_t *line = NULL;
        ObjectId id;
        int64_t began = mono_ns();
        int r;

        if (guid_parse(name, &id))
                q.id = &id;
        r = at_least ? source_info(s, &info, &diag) : 0;
        q.at_least = (Version){ .server = info.server_id, .number = at_least };
        if (r == 0)
                r = source_read(s, &q, a, &e, &diag);
        if (r == 0)
                line = json_pack("{s:s, s:s, s:s, s:I, s:I, s:b, s:i, s:i, s:I, s:o}", "dn", e.object->dn,
                                 "id", guid_format(&e.object->id, id_text), "parent",
                                 guid_format(&e.parent, parent), "usn", (json_int_t)e.version.number,
                                 "changed_ms", (json_int_t)e.changed.ms, "deleted", e.deleted, "n_members",
                                 (int)e.links[0].n_ids, "n_unknown", (int)e.links[0].n_unknown, "took_us",
                                 (json_int_t)((mono_ns() - began) / 1000), "attributes", texts(e.object));
        answer(r, &diag, line);
}

static void command_member(Source *s, const char *group, const char *guid)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        bool member = false;
        ObjectId id;
        int r;

        if (!guid_parse(guid, &id))
                return;
        r = source_is_member(s, group, &id, &member, &diag);
        answer(r, &diag, r ? NULL : json_pack("{s:b}", "member", member));
}

static void command_info(Source *s)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        char id[GUID_TEXT_MAX];
        json_t *line = NULL;
        SourceInfo i;
        int r;

        r = source_info(s, &i, &diag);
        if (r == 0)
                line = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?, s:s?, s:s?}", "name", i.name, "base",
                                 i.base, "server", i.server, "server_id", guid_format(&i.server_id, id),
                                 "domain_fqdn", i.domain_fqdn, "domain_netbios", i.domain_netbios,
                                 "forest_fqdn", i.forest_fqdn, "forest_netbios", i.forest_netbios);
        answer(r, &diag, line);
}

typedef struct Listed {
        json_t *items;
        int n_pages;
        size_t n_items;
        unsigned max; /* DNs to print */
} Listed;

static int list_page(void *context, const SourceItem *items, size_t n)
{
        Listed *l = context;
        char id[GUID_TEXT_MAX];

        l->n_pages++;
        l->n_items += n;
        for (size_t i = 0; i < n && json_array_size(l->items) < l->max; i++)
                json_array_append_new(l->items, json_pack("{s:s, s:s, s:I, s:i}", "dn", items[i].dn, "id",
                                                          guid_format(&items[i].id, id), "usn",
                                                          (json_int_t)items[i].version.number, "n_classes",
                                                          (int)value_count(items[i].classes)));
        return 0;
}

/* list DN-or-GUID class page */
static void command_list(Source *s, const char *name, const char *class, unsigned page)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        SourceList q = {
                .dn = name, .classes = &class, .n_classes = str_is(class, "*") ? 0 : 1, .page = page
        };
        Listed l = { .items = json_array(), .max = 200 };
        int64_t began = mono_ns();
        ObjectId id;
        int r;

        if (guid_parse(name, &id))
                q.below = &id;
        r = source_list(s, &q, list_page, &l, &diag);
        answer(r, &diag,
               json_pack("{s:i, s:I, s:I, s:o}", "pages", l.n_pages, "n", (json_int_t)l.n_items, "took_us",
                         (json_int_t)((mono_ns() - began) / 1000), "items", l.items));
}

/* Tab-separated, because DNs hold blanks. */
static int serve(const LdapConfig *config, unsigned range)
{
        _cleanup_(server_pin_freep) ServerPin *pin = server_pin_new();
        _cleanup_(server_door_freep) ServerDoor *door = server_door_new();
        SourceLdapConfig c = {
                .ldap = config, .clock = &clock_system, .range = range, .pin = pin, .door = door
        };
        _cleanup_(source_freep) Source *s = NULL;
        char line[4096];

        if (source_ldap_new(&s, &c))
                return 1;
        while (fgets(line, sizeof(line), stdin)) {
                char *word[4] = { 0 }, *save = NULL;

                line[strcspn(line, "\n")] = '\0';
                word[0] = strtok_r(line, "\t", &save);
                word[1] = strtok_r(NULL, "\t", &save);
                word[2] = strtok_r(NULL, "\t", &save);
                word[3] = strtok_r(NULL, "\t", &save);
                if (str_is(word[0], "read") && word[1])
                        command_read(s, word[1], word[2] ? strtoull(word[2], NULL, 10) : 0);
                else if (str_is(word[0], "member") && word[2])
                        command_member(s, word[1], word[2]);
                else if (str_is(word[0], "list") && word[3])
                        command_list(s, word[1], word[2], (unsigned)strtoul(word[3], NULL, 10));
                else if (str_is(word[0], "info"))
                        command_info(s);
                else if (str_is(word[0], "pin") && word[2]) {
                        ObjectId id = { 0 };

                        guid_parse(word[2], &id);
                        server_pin_set(pin, word[1], "pinned", &id);
                        answer(0, NULL, NULL);
                }
        }
        return 0;
}

/* -- open ------------------------------------------------------------------------------------------------ */

static int open_once(const LdapConfig *config)
{
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        _cleanup_(conn_freep) Conn *c = NULL;
        json_t *reasons = json_array();
        char id[GUID_TEXT_MAX];
        int r;

        r = conn_open_any(&c, config, NULL, NULL, &diag);
        for (size_t i = 0; i < diag.n_items; i++)
                json_array_append_new(reasons, json_string(diag.items[i].text));
        if (r) {
                say(json_pack("{s:i, s:o}", "condition", r - CONN_E_BASE_, "reasons", reasons));
                return 1;
        }
        json_decref(reasons);
        say(json_pack("{s:i, s:s, s:s?, s:s, s:I, s:b, s:I}", "condition", 0, "uri", c->uri.text, "server",
                      c->dse.dns_host_name, "server_id", guid_format(&c->server_id, id), "usn",
                      (json_int_t)c->dse.usn, "samba", c->dse.vendor == VENDOR_SAMBA, "lifetime_us",
                      (json_int_t)c->lifetime_us));
        return 0;
}

int main(int argc, char **argv)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        _cleanup_(diag_deinit) Diag diag = DIAG_INIT;
        const ConfigDoc *doc = NULL;
        LdapConfig config = { 0 };
        int r;

        if (argc < 3) {
                fprintf(stderr, "usage: peer-listener CONFIG open|feed|source [ARGUMENT]\n");
                return 2;
        }
        signal(SIGPIPE, SIG_IGN);
        log_setup(LOG_LEVEL_DEBUG, LOG_FORMAT_TEXT, STDERR_FILENO);
        r = config_read_file(argv[1], ldap_config_fields, NULL, a, &config, &doc, &diag);
        if (r == 0 && !ldap_config_check(&config, doc, "source", &diag))
                r = CONFIG_E_INVALID;
        if (r) {
                for (size_t i = 0; i < diag.n_items; i++)
                        fprintf(stderr, "%s\n", diag.items[i].text);
                return 2;
        }
        if (str_is(argv[2], "feed"))
                return follow(&config, argv[3]);
        if (str_is(argv[2], "source"))
                return serve(&config, argv[3] ? (unsigned)strtoul(argv[3], NULL, 10) : 0);
        return open_once(&config);
}
