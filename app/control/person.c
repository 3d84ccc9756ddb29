/* SPDX-License-Identifier: Apache-2.0 */

#include "app/control/person.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static const char *given_reason;

/* Returns buf. */
static const char *name_of(uid_t uid, char *buf, size_t size)
{
        const struct passwd *entry = getpwuid(uid);

        if (entry)
                snprintf(buf, size, "%s", entry->pw_name);
        else
                snprintf(buf, size, "uid %u", (unsigned)uid);
        return buf;
}

const char *person_name(void)
{
        static char name[64];

        return name[0] ? name : name_of(getuid(), name, sizeof(name));
}

/* The kernel's "nobody has logged in". */
#define LOGIN_UNSET ((uid_t)-1)

const char *person_login(void)
{
        static char name[64];
        static bool was_asked;
        FILE *file = was_asked ? NULL : fopen("/proc/self/loginuid", "re");
        unsigned uid;

        was_asked = true;
        if (!file)
                return name[0] ? name : NULL;
        if (fscanf(file, "%u", &uid) == 1 && uid != LOGIN_UNSET && uid != getuid())
                name_of(uid, name, sizeof(name));
        fclose(file);
        return name[0] ? name : NULL;
}

void person_set_reason(const char *text)
{
        given_reason = text;
}

void person_sign(json_t *request)
{
        const char *login = person_login();

        if (given_reason)
                json_object_set_new(request, "reason", json_string(given_reason));
        if (login)
                json_object_set_new(request, "login", json_string(login));
}
