/* SPDX-License-Identifier: Apache-2.0 */

#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/str.h"
#include "listener/srv.h"

#define PREFIX  "_ldap._tcp.dc._msdcs."
#define OF_SITE "_ldap._tcp.%s._sites.dc._msdcs.%s."

/* What fits into a message over TCP. */
#define ANSWER_MAX 65536

const char *srv_domain(const char *uri)
{
        return str_starts(uri, "srv:") ? uri + 4 : NULL;
}

bool srv_domain_is_valid(const char *domain)
{
        static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
        size_t n = strlen(domain);

        return n > 0 && n <= 200 && strspn(domain, good) == n && domain[0] != '.' && !strstr(domain, "..");
}

bool srv_site_is_valid(const char *site)
{
        return srv_domain_is_valid(site) && strlen(site) <= NS_MAXLABEL && !strchr(site, '.');
}

/* RFC 2782: SIZE 6 of numbers, then the target; a target of "." says that there is no such service. */
static bool read_record(ns_msg *message, const ns_rr *rr, Arena *a, SrvTarget *ret)
{
        const uint8_t *data = ns_rr_rdata(*rr);
        char host[NS_MAXDNAME];

        if (ns_rr_type(*rr) != ns_t_srv || ns_rr_rdlen(*rr) < 7)
                return false;
        if (dn_expand(ns_msg_base(*message), ns_msg_end(*message), data + 6, host, sizeof(host)) < 0)
                return false;
        if (!srv_domain_is_valid(host))
                return false;
        *ret = (SrvTarget){
                .host = arena_strdup(a, host),
                .priority = (uint16_t)ns_get16(data),
                .weight = (uint16_t)ns_get16(data + 2),
                .port = (uint16_t)ns_get16(data + 4),
        };
        return true;
}

int srv_parse(const uint8_t *answer, size_t n, Arena *a, SrvTarget **ret_targets, size_t *ret_n)
{
        SrvTarget *targets;
        ns_msg message;
        size_t n_targets = 0;

        if (n > ANSWER_MAX || ns_initparse(answer, (int)n, &message) < 0)
                return SRV_E_INVALID;
        targets = arena_new_array(a, SrvTarget, SRV_TARGETS_MAX);
        for (int i = 0; i < ns_msg_count(message, ns_s_an) && n_targets < SRV_TARGETS_MAX; i++) {
                ns_rr rr;

                if (ns_parserr(&message, ns_s_an, i, &rr) < 0)
                        return SRV_E_INVALID;
                n_targets += read_record(&message, &rr, a, &targets[n_targets]);
        }
        *ret_targets = targets;
        *ret_n = n_targets;
        return n_targets ? 0 : SRV_E_NONE;
}

static int by_priority(const void *a, const void *b)
{
        const SrvTarget *x = a, *y = b;

        if (x->priority != y->priority)
                return x->priority < y->priority ? -1 : 1;
        /* Those of weight 0 in front, so that they have a small chance (RFC 2782). */
        return (x->weight > y->weight) - (x->weight < y->weight);
}

/* Of `n` of one priority: the first is drawn, in proportion to the weights. */
static void draw(SrvTarget *t, size_t n, uint32_t (*random)(void *, uint32_t), void *context)
{
        uint32_t sum = 0, lot, at = 0;
        SrvTarget drawn;
        size_t i = 0;

        for (size_t k = 0; k < n; k++)
                sum += t[k].weight;
        lot = random(context, sum + 1);
        while (i + 1 < n && (at += t[i].weight) < lot)
                i++;
        drawn = t[i];
        memmove(t + 1, t, i * sizeof(*t));
        t[0] = drawn;
}

void srv_order(SrvTarget *targets, size_t n, uint32_t (*random)(void *context, uint32_t n), void *context)
{
        if (n > 1)
                qsort(targets, n, sizeof(*targets), by_priority);
        for (size_t i = 0; i < n; i++) {
                size_t same = 1;

                while (i + same < n && targets[i + same].priority == targets[i].priority)
                        same++;
                draw(targets + i, same, random, context);
        }
}

static uint32_t lot(void *context, uint32_t n)
{
        uint32_t number = 0;

        (void)context;
        if (getrandom(&number, sizeof(number), GRND_NONBLOCK) != (ssize_t)sizeof(number))
                number = 0;
        return number % n;
}

static int failed(const char *name, int why, Diag *diag)
{
        if (why == HOST_NOT_FOUND || why == NO_DATA) {
                diag_set(diag,
                         "DNS has no records %s: is this the name of the domain, and does the machine ask "
                         "the domain's DNS?",
                         name);
                return SRV_E_NONE;
        }
        diag_set(diag, "DNS does not answer the question for %s (%s)", name, hstrerror(why));
        return SRV_E_FAILED;
}

static int ask(const char *name, Arena *a, SrvTarget **ret_targets, size_t *ret_n, Diag *diag)
{
        struct __res_state state = { 0 };
        uint8_t *answer = arena_alloc(a, ANSWER_MAX);
        int n, why, r;

        if (res_ninit(&state)) {
                diag_set(diag, "the resolver cannot be set up (/etc/resolv.conf)");
                return SRV_E_FAILED;
        }
        n = res_nquery(&state, name, ns_c_in, ns_t_srv, answer, ANSWER_MAX);
        why = state.res_h_errno;
        res_nclose(&state);
        if (n < 0)
                return failed(name, why, diag);
        r = srv_parse(answer, (size_t)(n > ANSWER_MAX ? ANSWER_MAX : n), a, ret_targets, ret_n);
        if (r == SRV_E_NONE)
                return failed(name, NO_DATA, diag);
        if (r) {
                diag_set(diag, "the answer of DNS for %s cannot be read", name);
                return r;
        }
        srv_order(*ret_targets, *ret_n, lot, NULL);
        return 0;
}

static bool is_among(const SrvTarget *targets, size_t n, const SrvTarget *t)
{
        for (size_t i = 0; i < n; i++)
                if (str_is_nocase(targets[i].host, t->host) && targets[i].port == t->port)
                        return true;
        return false;
}

int srv_lookup(const char *domain, const char *site, Arena *a, const SrvTarget **ret_targets, size_t *ret_n,
               Diag *diag)
{
        SrvTarget *near = NULL, *all, *targets = arena_new_array(a, SrvTarget, 2 * SRV_TARGETS_MAX);
        size_t n = 0, n_all;
        int r;

        if (site) {
                r = ask(arena_printf(a, OF_SITE, site, domain), a, &near, &n, diag);
                if (r && r != SRV_E_NONE)
                        return r;
                diag_clear(diag);
                for (size_t i = 0; i < n; i++)
                        targets[i] = near[i];
        }
        r = ask(arena_printf(a, PREFIX "%s.", domain), a, &all, &n_all, diag);
        if (r)
                return r;
        for (size_t i = 0; i < n_all; i++)
                if (!is_among(targets, n, &all[i]))
                        targets[n++] = all[i];
        *ret_targets = targets;
        *ret_n = n;
        return 0;
}
