/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * SourceLdap: a Source over LDAP
 *
 * One for each worker, with a connection of its own: opened when first needed, to the server the feed is on
 * (ServerPin), proven by its invocationId after every connect; closed by source_idle() after 60 s
 * without a read. Without a pin, or before a feed has set it, any server of the configuration will do.
 *
 * An object is read by <GUID=...> (also when it has been renamed, moved or deleted meanwhile) or by DN. Links
 * come with their GUIDs by the extended-DN control. Attributes that come in ranges are read to their end, and
 * again if uSNChanged shows that the object changed meanwhile.
 *
 * A listing is a paged search (RFC 2696) for names and numbers. Its cookie belongs to the connection: when
 * that is lost the listing is, SOURCE_E_CUT_OFF.
 */

#include "base/clock.h"
#include "engine/source/source.h"
#include "listener/ldap-config.h"
#include "listener/server-door.h"
#include "listener/server-pin.h"

typedef struct SourceLdapConfig SourceLdapConfig;

#define SOURCE_LDAP_IDLE_US 60000000

struct SourceLdapConfig {
        const LdapConfig *ldap; /* outlives the Source */
        ServerPin *pin;         /* of this connector; may be NULL */
        ServerDoor *door;       /* of this connector; may be NULL */
        const Clock *clock;
        uint32_t
                range; /* ask for links in parts of this size; 0: as the server cuts them. Samba never does */
};

/* Does not connect. Return: 0. */
int source_ldap_new(Source **ret_source, const SourceLdapConfig *config);
