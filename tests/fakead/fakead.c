/* SPDX-License-Identifier: Apache-2.0 */

/*
 * fakead FOLDER: faces a, b, c, d on the sockets FOLDER/a ... FOLDER/d
 *
 * A command is one JSON object a line on standard input; each is answered by one on standard output. It ends
 * with its input.
 *
 *      {"do": "put", "face": "a", "guid": "...", "dn": "...", "deleted": false, "set": {"title": "x"}}  → usn
 *      {"do": "copy", "from": "a", "to": "b", "ring": true}   replication; ring: `to` rings for it
 *      {"do": "set", "face": "a", "page": 3, "range": 1500, "readOnly": true, "as": "b", "closed": true}
 *      {"do": "set", "face": "c", "listed": "127.0.0.9"}      it is in the list of controllers, so named
 *      {"do": "set", "face": "a", "churn": 30}       the 30th read of a range from now finds one value less
 *      {"do": "fail", "face": "a", "op": "dirsync", "kind": "code", "code": 12, "text": "...", "times": 1}
 *              and "after": 5, so many go well before
 *      {"do": "cut", "face": "a"}                    every connection to it ends
 *      {"do": "cut", "face": "a", "workers": true}   ... but those on which a notification waits: the feed's
 *      {"do": "stats", "face": "a"}                  → requests by kind, clients
 */

#include "tests/fakead/fakead.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

Face *faces[FACES_MAX];
Client *clients;

static struct event_base *base;

static const char *const op_names[_OP_N] = { "bind", "root", "notify", "dirsync", "read", "search" };
static const char *const fault_names[_FAULT_N] = { "code",     "silent",    "close",     "notice",
                                                   "referral", "oversized", "truncated", "wrong-id",
                                                   "endless",  "garbage",   "nested",    "cookie",
                                                   "empty" };

/* -- connections ----------------------------------------------------------------------------------------- */

/* The memory goes with the process: a client may be in the middle of its own message. */
void client_close(Client *c)
{
        if (!c->bev)
                return;
        bufferevent_free(c->bev);
        c->bev = NULL;
        c->n_notify = 0;
        c->endless = 0;
}

static void on_event(struct bufferevent *bev, short what, void *context)
{
        if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
                client_close(context);
}

static void on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *address, int n,
                      void *context)
{
        Face *f = context;
        Client *c = calloc(1, sizeof(*c));

        if (!c)
                abort();
        c->face = f->as ? f->as : f;
        c->face->n_clients++;
        c->bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
        c->next = clients;
        clients = c;
        bufferevent_setcb(c->bev, wire_read, NULL, on_event, c);
        bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

static const char *folder;

static void listen_at(Face *f)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        snprintf(address.sun_path, sizeof(address.sun_path), "%s/%c", folder, f->name);
        unlink(address.sun_path);
        f->listener = evconnlistener_new_bind(base, on_accept, f, LEV_OPT_CLOSE_ON_FREE, 64,
                                              (struct sockaddr *)&address, sizeof(address));
        if (!f->listener) {
                perror(address.sun_path);
                exit(1);
        }
}

/* Nobody is there any more. */
static void close_face(Face *f)
{
        char path[200];

        if (f->listener)
                evconnlistener_free(f->listener);
        f->listener = NULL;
        snprintf(path, sizeof(path), "%s/%c", folder, f->name);
        unlink(path);
        for (Client *c = clients; c; c = c->next)
                if (c->bev && c->face == f)
                        client_close(c);
}

static void add_face(int i)
{
        Face *f = calloc(1, sizeof(*f));

        if (!f)
                abort();
        f->name = (char)('a' + i);
        memset(f->id, 0xa0 + i, sizeof(f->id));
        snprintf(f->host, sizeof(f->host), "%c.fake.test", f->name);
        f->usn = 1000 * (uint64_t)(i + 1);
        listen_at(f);
        faces[i] = f;
}

/* -- commands -------------------------------------------------------------------------------------------- */

static Face *face_of(const json_t *o, const char *key)
{
        const char *name = json_string_value(json_object_get(o, key));

        return name && *name >= 'a' && *name < 'a' + FACES_MAX ? faces[*name - 'a'] : NULL;
}

static int index_of(const char *const *names, int n, const char *name)
{
        for (int i = 0; name && i < n; i++)
                if (strcmp(names[i], name) == 0)
                        return i;
        return -1;
}

static json_t *put(const json_t *o)
{
        Face *f = face_of(o, "face");
        const char *dn = json_string_value(json_object_get(o, "dn")), *name;
        uint8_t guid[16];
        json_t *values;
        Thing *t;

        if (!f || !guid_read(json_string_value(json_object_get(o, "guid")), guid))
                return NULL;
        t = store_find(f, guid);
        if (!t)
                t = store_add(f, guid);
        t->usn = ++f->usn;
        if (dn) {
                free(t->dn);
                t->dn = strdup(dn);
        }
        if (json_object_get(o, "deleted"))
                t->deleted = json_is_true(json_object_get(o, "deleted"));
        json_object_foreach(json_object_get(o, "set"), name, values)
        {
                thing_set(t, name, values, t->usn);
                thing_stamp(t, name, f);
        }
        answer_notify(f, t);
        return json_pack("{s:I}", "usn", (json_int_t)t->usn);
}

static json_t *copy(const json_t *o)
{
        Face *from = face_of(o, "from"), *to = face_of(o, "to");

        if (!from || !to)
                return NULL;
        store_copy(to, from);
        for (size_t i = 0; json_is_true(json_object_get(o, "ring")) && i < to->n_things; i++)
                answer_notify(to, to->things[i]);
        return json_object();
}

static json_t *set(const json_t *o)
{
        Face *f = face_of(o, "face");
        json_t *v;

        if (!f)
                return NULL;
        if ((v = json_object_get(o, "page")))
                f->page = (size_t)json_integer_value(v);
        if ((v = json_object_get(o, "range")))
                f->range = (size_t)json_integer_value(v);
        if ((v = json_object_get(o, "readOnly")))
                f->read_only = json_is_true(v);
        if (json_is_true(json_object_get(o, "closed")))
                close_face(f);
        else if (json_is_false(json_object_get(o, "closed")) && !f->listener)
                listen_at(f);
        if ((v = json_object_get(o, "churn")))
                f->churn = (unsigned)json_integer_value(v);
        if ((v = json_object_get(o, "listed")))
                snprintf(f->listed, sizeof(f->listed), "%s", json_string_value(v));
        if (json_object_get(o, "as"))
                f->as = face_of(o, "as");
        return json_object();
}

static json_t *fail(const json_t *o)
{
        Face *f = face_of(o, "face");
        const char *text = json_string_value(json_object_get(o, "text"));
        int op = index_of(op_names, _OP_N, json_string_value(json_object_get(o, "op")));
        int kind = index_of(fault_names, _FAULT_N, json_string_value(json_object_get(o, "kind")));

        if (!f || op < 0 || kind < 0)
                return NULL;
        f->faults[op] = (Fault){
                .left = (int)json_integer_value(json_object_get(o, "times")),
                .after = (int)json_integer_value(json_object_get(o, "after")),
                .kind = (FaultKind)kind,
                .code = (int)json_integer_value(json_object_get(o, "code")),
        };
        snprintf(f->faults[op].text, sizeof(f->faults[op].text), "%s", text ? text : "");
        return json_object();
}

static json_t *cut(const json_t *o)
{
        Face *f = face_of(o, "face");
        bool all = !json_is_true(json_object_get(o, "workers"));

        for (Client *c = clients; c; c = c->next)
                if (c->face == f && (all || c->n_notify == 0))
                        client_close(c);
        return json_object();
}

static json_t *stats(const json_t *o)
{
        Face *f = face_of(o, "face");
        json_t *result = json_object();

        for (int i = 0; f && i < _OP_N; i++)
                json_object_set_new(result, op_names[i], json_integer((json_int_t)f->n_requests[i]));
        json_object_set_new(result, "clients", json_integer(f ? (json_int_t)f->n_clients : 0));
        json_object_set_new(result, "objects", json_integer(f ? (json_int_t)f->n_objects : 0));
        return result;
}

static const struct {
        const char *name;
        json_t *(*run)(const json_t *o);
} commands[] = {
        { "put", put },   { "copy", copy }, { "set", set },
        { "fail", fail }, { "cut", cut },   { "stats", stats },
};

static void command(const char *line, size_t n)
{
        json_t *o = json_loadb(line, n, 0, NULL), *result = NULL;
        const char *what = json_string_value(json_object_get(o, "do"));

        for (size_t i = 0; what && i < sizeof(commands) / sizeof(commands[0]); i++)
                if (strcmp(commands[i].name, what) == 0)
                        result = commands[i].run(o);
        if (!result)
                result = json_pack("{s:s}", "error", "not understood");
        json_dumpf(result, stdout, JSON_COMPACT);
        putchar('\n');
        fflush(stdout);
        json_decref(result);
        json_decref(o);
}

static void on_command(struct bufferevent *bev, void *context)
{
        struct evbuffer *in = bufferevent_get_input(bev);
        size_t n;
        char *line;

        while ((line = evbuffer_readln(in, &n, EVBUFFER_EOL_LF))) {
                command(line, n);
                free(line);
        }
}

static void on_end(struct bufferevent *bev, short what, void *context)
{
        event_base_loopbreak(base);
}

int main(int argc, char **argv)
{
        struct bufferevent *in;

        if (argc != 2) {
                fprintf(stderr, "usage: fakead FOLDER\n");
                return 2;
        }
        signal(SIGPIPE, SIG_IGN);
        folder = argv[1];
        base = event_base_new();
        for (int i = 0; i < FACES_MAX; i++)
                add_face(i);
        in = bufferevent_socket_new(base, STDIN_FILENO, 0);
        evutil_make_socket_nonblocking(STDIN_FILENO);
        bufferevent_setcb(in, on_command, NULL, on_end, NULL);
        bufferevent_enable(in, EV_READ);
        printf("{\"ready\":true}\n");
        fflush(stdout);
        event_base_dispatch(base);
        return 0;
}
