/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/target/test-peer.h"

#include "base/str.h"

#include <curl/curl.h>
#include <string.h>

const char *peer_admin;
const char *peer_secret_file;
const char *peer_tls;
const char *peer_ca_file;

static size_t on_data(char *data, size_t size, size_t n, void *context)
{
        str_add_n(context, data, size * n);
        return size * n;
}

json_t *peer_admin_call(const char *method, const char *path, const char *body)
{
        CURL *c = curl_easy_init();
        char url[512];
        json_t *json;
        long status = 0;
        Str s;

        assert_non_null(peer_admin);
        str_init(&s, (size_t)256 << 20);
        snprintf(url, sizeof(url), "%s/_emulator%s", peer_admin, path);
        curl_easy_setopt(c, CURLOPT_URL, url);
        curl_easy_setopt(c, CURLOPT_NOPROXY, "*");
        curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
        if (body) {
                curl_easy_setopt(c, CURLOPT_POSTFIELDS, body);
                curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE, (long)strlen(body));
        }
        curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
        curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_data);
        curl_easy_setopt(c, CURLOPT_WRITEDATA, &s);
        assert_int_equal(curl_easy_perform(c), CURLE_OK);
        curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
        curl_easy_cleanup(c);
        if (status != 200)
                fail_msg("emulator: %s %s: %ld %s", method, path, status, s.data);
        json = json_loads(s.data, 0, NULL);
        str_deinit(&s);
        return json;
}

void peer_fault(const char *rule)
{
        char body[2048];

        snprintf(body, sizeof(body), "{\"rules\":[%s]}", rule);
        json_decref(peer_admin_call("POST", "/faults", body));
}

size_t peer_count_requests(Peer *p, const char *method, const char *path_part, bool changed)
{
        json_t *journal = peer_admin_call("GET", "/journal?limit=100000", NULL), *record;
        size_t n = 0, i;

        json_array_foreach(json_object_get(journal, "records"), i, record)
        {
                const char *path = json_string_value(json_object_get(record, "path"));

                if (strcmp(json_string_value(json_object_get(record, "method")), method) == 0 && path &&
                    strstr(path, path_part) && (!changed || json_is_true(json_object_get(record, "changed"))))
                        ++n;
        }
        json_decref(journal);
        return n;
}

size_t peer_hold_violations(void)
{
        json_t *health = peer_admin_call("GET", "/health", NULL);
        size_t n = (size_t)json_integer_value(json_object_get(health, "hold_violations"));

        json_decref(health);
        return n;
}

static void start(Peer *p, bool retry)
{
        if (!p->admin) {
                assert_int_equal(target_mem_new(&p->inner), 0);
        } else {
                assert_int_equal(target_graph_new(&p->inner, &p->options, &clock_system, NULL, &p->diag), 0);
        }
        p->target = p->inner;
        if (retry)
                assert_int_equal(target_retry_new(&p->target, p->inner, &clock_system), 0);
}

void peer_restart(Peer *p, bool retry)
{
        target_free(p->target);
        start(p, retry);
}

int peer_setup(void **state)
{
        Peer *p = calloc(1, sizeof(*p));

        p->admin = peer_admin;
        p->secret_file = peer_secret_file;
        p->arena = arena_new(0);
        p->diag = DIAG_INIT;
        if (p->admin) {
                curl_global_init(CURL_GLOBAL_DEFAULT);
                json_decref(peer_admin_call("POST", "/reset", ""));
                snprintf(p->login, sizeof(p->login), "%s", peer_tls ? peer_tls : p->admin);
                snprintf(p->graph, sizeof(p->graph), "%s/v1.0", p->login);
                p->credential.secret_file = p->secret_file;
                p->options = (GraphOptions){
                        .tenant_id = "11111111-2222-3333-4444-555555555555",
                        .client_id = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
                        .credentials = { .items = &p->credential, .n_items = 1 },
                        .endpoints = { .login = p->login, .graph = p->graph },
                        .limits = { .share = 1, .urgent_reserve = 0.1, .time_scale = 1 },
                        .ca_file = peer_ca_file,
                        .timeout_us = 5000000,
                };
        }
        start(p, false);
        *state = p;
        return 0;
}

int peer_teardown(void **state)
{
        Peer *p = *state;

        target_free(p->target);
        arena_free(p->arena);
        diag_deinit(&p->diag);
        free(p);
        return 0;
}

Call *peer_call(Peer *p)
{
        Mono now = clock_mono(&clock_system);

        p->call = (Call){
                .lane = LANE_NORMAL,
                .now = now,
                .deadline = mono_add(now, 10000000),
                .run_id = "00000000-0000-0000-0000-000000000001",
                .arena = p->arena,
        };
        return &p->call;
}

static int on_object(ObjectSink *sink, const TargetObject *o)
{
        PeerSink *s = (PeerSink *)sink;

        assert_false(s->found);
        s->found = true;
        s->object = *o;
        return s->stop;
}

static int on_links(ObjectSink *sink, const char *attribute, const ObjectId *ids, size_t n)
{
        PeerSink *s = (PeerSink *)sink;
        ObjectId *all;

        assert_true(s->found);
        if (str_is(attribute, "manager")) {
                assert_int_equal(n, 1);
                s->manager = ids[0];
                return 0;
        }
        assert_string_equal(attribute, "member");
        all = arena_new_array(s->arena, ObjectId, s->n_members + n);
        if (s->n_members > 0)
                memcpy(all, s->members, s->n_members * sizeof(*all));
        memcpy(all + s->n_members, ids, n * sizeof(*ids));
        s->members = all;
        s->n_members += n;
        ++s->n_pages;
        return s->stop;
}

int peer_fetch_names(Peer *p, const char *type, MatchBy by, const char *value, const char *const *names,
                     size_t n, PeerSink *sink)
{
        Match m = { .type = type, .by = by, .value = value, .attributes = names, .n_attributes = n };

        sink->sink = (ObjectSink){ .object = on_object, .links = on_links };
        sink->arena = p->arena;
        return target_fetch(p->target, peer_call(p), &m, &sink->sink, &p->diag);
}

int peer_fetch(Peer *p, const char *type, MatchBy by, const char *value, PeerSink *sink)
{
        static const char *const user[] = { "sourceAnchor", "userPrincipalName", "accountEnabled",
                                            "displayName",  "surname",           "alias",
                                            "title",        "telephoneNumber",   "extensionAttribute3",
                                            "mail",         "proxyAddresses",    "manager",
                                            "description" };
        static const char *const group[] = { "sourceAnchor", "displayName",     "description", "alias",
                                             "mailEnabled",  "securityEnabled", "member" };
        bool users = str_is(type, "user");

        return peer_fetch_names(p, type, by, value, users ? user : group,
                                users ? N_ELEMENTS(user) : N_ELEMENTS(group), sink);
}

int peer_fetch_id(Peer *p, const char *type, const ObjectId *id, PeerSink *sink)
{
        return peer_fetch(p, type, MATCH_ID, peer_id(p, id), sink);
}

int peer_apply(Peer *p, const Op *ops, size_t n, OpResult *results)
{
        return target_apply(p->target, peer_call(p), ops, n, results, &p->diag);
}

const char *peer_id(Peer *p, const ObjectId *id)
{
        return guid_format(id, arena_alloc(p->arena, GUID_TEXT_MAX));
}

Op op_create(const char *type, const char *anchor)
{
        return (Op){ .kind = OP_CREATE,
                     .type = type,
                     .anchor = anchor,
                     .request_id = "0e0e0e0e-0000-4000-8000-000000000001" };
}

Op op_set(const char *type, const ObjectId *id, const char *attribute, const char *value)
{
        return (Op){ .kind = OP_SET,
                     .type = type,
                     .id = id ? *id : (ObjectId){ { 0 } },
                     .attribute = attribute,
                     .value = value_string(value) };
}

Op op_set_bool(const char *type, const ObjectId *id, const char *attribute, bool value)
{
        Op op = op_set(type, id, attribute, NULL);

        op.value = value_bool(value);
        return op;
}

Op op_unset(const char *type, const ObjectId *id, const char *attribute)
{
        Op op = op_set(type, id, attribute, NULL);

        op.kind = OP_UNSET;
        return op;
}

Op op_link(const char *type, const ObjectId *id, const char *attribute, const ObjectId *to)
{
        return (Op){ .kind = OP_LINK,
                     .type = type,
                     .id = id ? *id : (ObjectId){ { 0 } },
                     .attribute = attribute,
                     .link = *to };
}

Op op_unlink(const char *type, const ObjectId *id, const char *attribute, const ObjectId *to)
{
        Op op = op_link(type, id, attribute, to);

        op.kind = OP_UNLINK;
        return op;
}

ObjectId peer_create_user(Peer *p, const char *name)
{
        Op ops[] = {
                op_create("user", arena_printf(p->arena, "anchor-%s==", name)),
                op_set("user", NULL, "userPrincipalName",
                       arena_printf(p->arena, "%s@corp.contoso.test", name)),
                op_set("user", NULL, "displayName", name),
                op_set("user", NULL, "alias", name),
                op_set_bool("user", NULL, "accountEnabled", true),
        };
        OpResult results[N_ELEMENTS(ops)];

        assert_end(p, peer_apply(p, ops, N_ELEMENTS(ops), results), 0);
        assert_int_equal(results[0].state, OP_DONE);
        assert_false(guid_is_zero(&results[0].id));
        return results[0].id;
}

ObjectId peer_create_group(Peer *p, const char *name)
{
        Op ops[] = {
                op_create("group", arena_printf(p->arena, "anchor-%s==", name)),
                op_set("group", NULL, "displayName", name),
                op_set("group", NULL, "alias", name),
                op_set_bool("group", NULL, "mailEnabled", false),
                op_set_bool("group", NULL, "securityEnabled", true),
        };
        OpResult results[N_ELEMENTS(ops)];

        assert_end(p, peer_apply(p, ops, N_ELEMENTS(ops), results), 0);
        assert_int_equal(results[0].state, OP_DONE);
        return results[0].id;
}
