/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * TestNowhere: the configuration of a directory that cannot be reached
 *
 * A feed of it begins as any other does, connects in vain, and goes on trying until it is stopped.
 */

#include "listener/ldap-config.h"

static const char *const test_nowhere_uris[] = { "ldapi://%2Fnowhere%2Fat%2Fall" };

static inline LdapConfig test_nowhere(void)
{
        return (LdapConfig){
                .name = "corp",
                .uris = { .items = test_nowhere_uris, .n_items = 1 },
                .base = "dc=corp,dc=example,dc=test",
                .connect_timeout_us = 1000000,
                .request_timeout_us = 1000000,
                .keepalive_us = 1000000,
                .bind.mechanism = BIND_EXTERNAL,
        };
}
