/* SPDX-License-Identifier: Apache-2.0 */

#include "report/console/request.h"

#include "base/str.h"

#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

const char *request_header(struct evhttp_request *req, const char *name)
{
        return evhttp_find_header(evhttp_request_get_input_headers(req), name);
}

size_t request_n_headers(struct evhttp_request *req, const char *name)
{
        const struct evkeyval *h;
        size_t n = 0;

        TAILQ_FOREACH(h, evhttp_request_get_input_headers(req), next)
        n += strcasecmp(h->key, name) == 0;
        return n;
}

/* "host", "host:port", "[::1]:port": is it one of ours? The port is not looked at: a proxy has another. */
static bool is_our_host(const Console *c, const char *text)
{
        const char *const *hosts = c->options.config->hosts.items;
        const char *end = text[0] == '[' ? strchr(text, ']') : strchr(text, ':');
        char name[256];
        size_t n = end ? (size_t)(end - text) : strlen(text);

        if (text[0] == '[' && end) {
                text++;
                n--;
        }
        if (n == 0 || n >= sizeof(name))
                return false;
        memcpy(name, text, n);
        name[n] = '\0';
        if (str_is_nocase(name, c->host) ||
            (console_is_loopback(c->host) && str_is_nocase(name, "localhost")))
                return true;
        for (size_t i = 0; i < c->options.config->hosts.n_items; i++)
                if (str_is_nocase(name, hosts[i]))
                        return true;
        return false;
}

/* An action must come from a page of ours. Programs say neither; they have a token. */
bool request_is_of_ours(const Console *c, struct evhttp_request *req)
{
        const char *origin = request_header(req, "Origin"), *site = request_header(req, "Sec-Fetch-Site");
        const char *host = origin ? strstr(origin, "://") : NULL;

        if (origin)
                return host && is_our_host(c, host + 3);
        return !site || str_is(site, "same-origin") || str_is(site, "none");
}

/* What is wrong with it; NULL: nothing. */
const char *request_what_is_wrong(const Console *c, struct evhttp_request *req)
{
        const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
        const char *host = request_header(req, "Host");

        if (!uri || evhttp_uri_get_host(uri) || !evhttp_uri_get_path(uri))
                return "this is no proxy";
        if (request_header(req, "Transfer-Encoding") || request_n_headers(req, "Content-Length") > 1)
                return "a body with one Content-Length is expected";
        if (request_n_headers(req, "Host") != 1 || !is_our_host(c, host))
                return "this is not a name of this console; console.hosts has them";
        return NULL;
}

/* Below the prefix, whether the proxy has cut it off or not. */
const char *request_path(const Console *c, struct evhttp_request *req)
{
        const char *found = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req)),
                   *path = found ? found : "/";
        const char *prefix = c->options.config->path;
        size_t n = strlen(prefix);

        if (n && strncmp(path, prefix, n) == 0 && (path[n] == '/' || !path[n]))
                path += n;
        return *path ? path : "/";
}

bool request_read_form(struct evhttp_request *req, Ask *q)
{
        struct evbuffer *body = evhttp_request_get_input_buffer(req);
        const char *type = request_header(req, "Content-Type");
        size_t n = evbuffer_get_length(body);
        char *text = arena_alloc(q->arena, n + 1);

        if (!type || strncasecmp(type, "application/x-www-form-urlencoded", 33) != 0)
                return false;
        evbuffer_copyout(body, text, n);
        text[n] = '\0';
        return strlen(text) == n && ask_parse(q->arena, text, &q->fields, &q->n_fields);
}
