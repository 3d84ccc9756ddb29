/* SPDX-License-Identifier: Apache-2.0 */

#include "report/console/users.h"

#include "base/error.h"
#include "base/secret.h"
#include "base/str.h"
#include "report/console/console.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#define MINUTE_US ((int64_t)60 * 1000000)

void users_init(Users *u, const ConsoleConfig *config)
{
        *u = (Users){ .config = config };
}

bool users_is_same(const char *a, const char *b)
{
        size_t n = strlen(a), m = strlen(b);
        unsigned char differs = n != m;

        for (size_t i = 0; i < n && m; i++)
                differs |= (unsigned char)(a[i] ^ b[i % m]);
        return !differs && n > 0;
}

static bool has_token(const char *file, const char *token)
{
        _cleanup_(secret_wipe) Secret secret = { 0 };

        return file && secret_read(file, &secret, NULL) == 0 && users_is_same(token, secret.data);
}

/* `token_file` is short for this one. */
static const ConsoleUser operator_user = { .name = "operator", .role = CONSOLE_OPERATE };

static const ConsoleUser *find_token(const ConsoleConfig *c, const char *token)
{
        const ConsoleUser *users = c->users.items, *found = NULL;

        for (size_t i = 0; i < c->users.n_items; i++)
                if (has_token(users[i].token_file, token))
                        found = &users[i];
        if (has_token(c->token_file, token))
                found = &operator_user;
        return found;
}

/* The limiter's arithmetic: each failure costs a part of a minute, and a minute's worth may be spent at once.
 * A right token costs nothing, and is never asked to wait. */
const ConsoleUser *users_by_token(Users *u, const char *token, Mono now, bool *ret_wait)
{
        const ConsoleUser *user = find_token(u->config, token);

        *ret_wait = !user && u->guesses_until.us > mono_add(now, MINUTE_US).us;
        if (!user && !*ret_wait) {
                if (u->guesses_until.us < now.us)
                        u->guesses_until = now;
                u->guesses_until = mono_add(u->guesses_until, MINUTE_US / CONSOLE_GUESSES);
        }
        return user;
}

const ConsoleUser *users_by_name(const Users *u, const char *name)
{
        const ConsoleUser *users = u->config->users.items;

        for (size_t i = 0; i < u->config->users.n_items; i++)
                if (str_is(users[i].name, name))
                        return &users[i];
        return NULL;
}

static void make_number(char text[USERS_ID_MAX])
{
        unsigned char bytes[32];

        /* Without randomness there is no session to trust. */
        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes)) {
                error_origin(-errno);
                abort();
        }
        for (size_t i = 0; i < sizeof(bytes); i++)
                snprintf(text + 2 * i, 3, "%02x", bytes[i]);
}

/* One that has ended, or never was. NULL: all are taken. */
static Session *find_free(Users *u, Mono now)
{
        for (size_t i = 0; i < USERS_SESSIONS; i++)
                if (u->sessions[i].ends.us <= now.us)
                        return &u->sessions[i];
        return NULL;
}

static size_t count_of(const Users *u, const char *name)
{
        size_t n = 0;

        for (size_t i = 0; i < USERS_SESSIONS; i++)
                n += str_is(u->sessions[i].name, name);
        return n;
}

static Session *find_place(Users *u, Mono now)
{
        Session *s = find_free(u, now);
        size_t most = 0;

        for (size_t i = 0; !s && i < USERS_SESSIONS; i++) {
                size_t n = count_of(u, u->sessions[i].name);

                most = n > most ? n : most;
        }
        for (size_t i = 0; most && i < USERS_SESSIONS; i++)
                if (count_of(u, u->sessions[i].name) == most && (!s || u->sessions[i].ends.us < s->ends.us))
                        s = &u->sessions[i];
        return s;
}

Session *users_begin(Users *u, const ConsoleUser *user, Mono now)
{
        Session *s = find_place(u, now);

        *s = (Session){
                .name = user->name,
                .role = (ConsoleRole)user->role,
                .ends = mono_add(now, u->config->session_us),
        };
        make_number(s->id);
        make_number(s->csrf);
        return s;
}

Session *users_find(Users *u, const char *id, Mono now)
{
        Session *found = NULL;

        for (size_t i = 0; i < USERS_SESSIONS; i++) {
                Session *s = &u->sessions[i];

                if (s->ends.us > now.us && users_is_same(s->id, id))
                        found = s;
        }
        return found;
}

void users_end(Session *s)
{
        explicit_bzero(s, sizeof(*s));
}
