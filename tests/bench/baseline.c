/* SPDX-License-Identifier: Apache-2.0 */
#include "baseline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

_Noreturn void give_up(const char *what, const char *why)
{
        fprintf(stderr, "baseline: %s: %s\n", what, why);
        exit(1);
}

int64_t now_ns(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

char *read_line(void)
{
        char *text = NULL;
        size_t size = 0;
        ssize_t n = getline(&text, &size, stdin);

        if (n < 0) {
                free(text);
                return NULL;
        }
        text[strcspn(text, "\n")] = '\0';
        return text;
}

void peers_read(Peers *p)
{
        char **fields[] = { &p->ldap_uri, &p->ca_file, &p->bind_dn, &p->password,
                            &p->graph,    &p->token,   &p->select };

        for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
                *fields[i] = read_line();
                if (!*fields[i])
                        give_up("standard input", "the peers are not complete");
        }
}

/* -- LDAP ---------------------------------------------------------------------------------------------- */

static void check_ldap(int rc, const char *what)
{
        if (rc != LDAP_SUCCESS)
                give_up(what, ldap_err2string(rc));
}

static LDAP *bind_ldap(const Peers *p)
{
        struct berval password = { .bv_len = strlen(p->password), .bv_val = p->password };
        int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, fresh = 0;
        LDAP *ldap;

        check_ldap(ldap_initialize(&ldap, p->ldap_uri), "ldap_initialize");
        ldap_set_option(ldap, LDAP_OPT_PROTOCOL_VERSION, &version);
        ldap_set_option(ldap, LDAP_OPT_X_TLS_CACERTFILE, p->ca_file);
        ldap_set_option(ldap, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
        ldap_set_option(ldap, LDAP_OPT_X_TLS_NEWCTX, &fresh);
        check_ldap(ldap_sasl_bind_s(ldap, p->bind_dn, LDAP_SASL_SIMPLE, &password, NULL, NULL, NULL), "bind");
        return ldap;
}

void line_read(Line *l, const char *dn)
{
        LDAPMessage *answer = NULL;

        check_ldap(ldap_search_ext_s(l->ldap, dn, LDAP_SCOPE_BASE, "(objectClass=*)", NULL, 0, NULL, NULL,
                                     NULL, 0, &answer),
                   dn);
        if (ldap_count_entries(l->ldap, answer) != 1)
                give_up(dn, "no such object");
        ldap_msgfree(answer);
}

/* -- HTTP ---------------------------------------------------------------------------------------------- */

static size_t swallow(char *data, size_t size, size_t n, void *context)
{
        return size * n;
}

static struct curl_slist *header(struct curl_slist *list, const char *name, const char *value)
{
        char *text;

        if (asprintf(&text, "%s: %s", name, value) < 0)
                abort();
        list = curl_slist_append(list, text);
        free(text);
        return list;
}

static void request(Line *l, const char *method, const char *id, const char *query, const char *body,
                    long wanted)
{
        long status = 0;
        char *url;
        CURLcode rc;

        if (asprintf(&url, "%s/users/%s%s%s", l->peers->graph, id, query ? "?" : "", query ? query : "") < 0)
                abort();
        curl_easy_setopt(l->curl, CURLOPT_URL, url);
        curl_easy_setopt(l->curl, CURLOPT_CUSTOMREQUEST, method);
        curl_easy_setopt(l->curl, CURLOPT_HTTPGET, 1L);
        if (body)
                curl_easy_setopt(l->curl, CURLOPT_POSTFIELDS, body);
        rc = curl_easy_perform(l->curl);
        if (rc != CURLE_OK)
                give_up(url, curl_easy_strerror(rc));
        curl_easy_getinfo(l->curl, CURLINFO_RESPONSE_CODE, &status);
        if (status != wanted)
                give_up(url, "an unexpected status");
        free(url);
}

void line_get(Line *l, const char *id)
{
        request(l, "GET", id, l->peers->select, NULL, 200);
}

void line_patch(Line *l, const char *id, const char *body)
{
        request(l, "PATCH", id, NULL, body, 204);
}

void line_open(Line *l, const Peers *p, bool with_ldap)
{
        char *bearer;

        *l = (Line){ .peers = p };
        if (with_ldap)
                l->ldap = bind_ldap(p);
        if (asprintf(&bearer, "Bearer %s", p->token) < 0)
                abort();
        l->headers = header(header(NULL, "Authorization", bearer), "Content-Type", "application/json");
        free(bearer);
        l->curl = curl_easy_init();
        curl_easy_setopt(l->curl, CURLOPT_HTTPHEADER, l->headers);
        curl_easy_setopt(l->curl, CURLOPT_WRITEFUNCTION, swallow);
        curl_easy_setopt(l->curl, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(l->curl, CURLOPT_NOPROXY, "*");
}

void line_close(Line *l)
{
        if (l->ldap)
                ldap_unbind_ext_s(l->ldap, NULL, NULL);
        curl_easy_cleanup(l->curl);
        curl_slist_free_all(l->headers);
}

/* -- store --------------------------------------------------------------------------------------------- */

static void check_mdb(int rc, const char *what)
{
        if (rc)
                give_up(what, mdb_strerror(rc));
}

void store_open(Store *s, const char *folder)
{
        MDB_txn *txn;

        *s = (Store){ .lock = PTHREAD_MUTEX_INITIALIZER, .done = PTHREAD_COND_INITIALIZER };
        check_mdb(mdb_env_create(&s->env), "lmdb");
        mdb_env_set_maxdbs(s->env, 2);
        mdb_env_set_mapsize(s->env, (size_t)1 << 32);
        check_mdb(mdb_env_open(s->env, folder, MDB_NOTLS, 0600), folder);
        check_mdb(mdb_txn_begin(s->env, NULL, 0, &txn), "lmdb");
        check_mdb(mdb_dbi_open(txn, "rows", MDB_CREATE, &s->rows), "lmdb");
        check_mdb(mdb_dbi_open(txn, "position", MDB_CREATE, &s->position), "lmdb");
        check_mdb(mdb_txn_commit(txn), "lmdb");
}

void store_close(Store *s)
{
        mdb_env_close(s->env);
}

/* Rows `from` to `to`, under keys in random order as GUIDs have them, and the position, in one commit. */
static void commit(Store *s, uint64_t from, uint64_t to)
{
        static char row[200], position[108];
        MDB_val k = { 4, row }, v = { sizeof(position), position };
        MDB_txn *txn;

        check_mdb(mdb_txn_begin(s->env, NULL, 0, &txn), "lmdb");
        check_mdb(mdb_put(txn, s->position, &k, &v, 0), "lmdb");
        for (uint64_t i = from; i < to; i++) {
                uint64_t key[2] = { (i + 1) * UINT64_C(0x9E3779B97F4A7C15), i };

                k = (MDB_val){ sizeof(key), key };
                v = (MDB_val){ sizeof(row), row };
                check_mdb(mdb_put(txn, s->rows, &k, &v, 0), "lmdb");
        }
        check_mdb(mdb_txn_commit(txn), "lmdb");
}

void store_commit(Store *s)
{
        uint64_t mine;

        pthread_mutex_lock(&s->lock);
        mine = ++s->n_asked;
        while (s->n_stored < mine) {
                uint64_t from = s->n_stored, to = s->n_asked;

                if (s->busy) {
                        pthread_cond_wait(&s->done, &s->lock);
                        continue;
                }
                s->busy = true;
                pthread_mutex_unlock(&s->lock);
                commit(s, from, to);
                pthread_mutex_lock(&s->lock);
                s->busy = false;
                s->n_stored = to;
                s->n_commits++;
                pthread_cond_broadcast(&s->done);
        }
        pthread_mutex_unlock(&s->lock);
}
