/* SPDX-License-Identifier: Apache-2.0 */

#include "app/control/person.h"

#include <pwd.h>
#include <stdio.h>
#include <unistd.h>

static const char *given_reason;

const char *person_name(void)
{
        static char name[64];
        const struct passwd *entry = name[0] ? NULL : getpwuid(getuid());

        if (name[0])
                return name;
        if (entry)
                snprintf(name, sizeof(name), "%s", entry->pw_name);
        else
                snprintf(name, sizeof(name), "uid %u", (unsigned)getuid());
        return name;
}

void person_set_reason(const char *text)
{
        given_reason = text;
}

const char *person_reason(void)
{
        return given_reason;
}
