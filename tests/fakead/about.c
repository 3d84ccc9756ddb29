/* SPDX-License-Identifier: Apache-2.0 */

/* What a controller says about itself: the root, its settings, the list of controllers, the schema. */

#include "tests/fakead/fakead.h"

#include <string.h>

#define SERVER "CN=%c,CN=Servers,CN=Site,CN=Sites,CN=Configuration," BASE_DN
#define NTDS   "CN=NTDS Settings," SERVER

static void put_text(BerElement *ber, const char *name, const char *text)
{
        wire_value(ber, name, text, strlen(text));
}

static void put_texts(BerElement *ber, const char *name, const char *const *texts, size_t n)
{
        ber_printf(ber, "{s[", name);
        for (size_t i = 0; i < n; i++)
                ber_printf(ber, "s", texts[i]);
        ber_printf(ber, "]}");
}

void about_root(Request *r)
{
        static const char *const contexts[] = { BASE_DN, "CN=Configuration," BASE_DN };
        static const char *const capabilities[] = { "1.2.840.113556.1.4.800", "1.2.840.113556.1.4.1920" };
        static const char *const controls[] = { DIRSYNC, "1.2.840.113556.1.4.528", "1.2.840.113556.1.4.529",
                                                "1.2.840.113556.1.4.417", PAGED };
        const Face *f = r->client->face;
        BerElement *ber = wire_entry_begin(r->id, "");
        char ntds[200];

        snprintf(ntds, sizeof(ntds), NTDS, f->name);
        put_text(ber, "configurationNamingContext", contexts[1]);
        put_text(ber, "defaultNamingContext", BASE_DN);
        put_text(ber, "rootDomainNamingContext", BASE_DN);
        put_text(ber, "dnsHostName", f->host);
        put_text(ber, "dsServiceName", ntds);
        entry_put_number(ber, "highestCommittedUSN", f->usn);
        put_texts(ber, "namingContexts", contexts, 2);
        put_texts(ber, "supportedCapabilities", capabilities, f->read_only ? 2 : 1);
        put_texts(ber, "supportedControl", controls, 5);
        wire_entry_end(r->client, ber);
        answer_done(r, 0, NULL);
}

void about_domain(Request *r)
{
        BerElement *ber = wire_entry_begin(r->id, "CN=FAKE,CN=Partitions,CN=Configuration," BASE_DN);

        put_text(ber, "dnsRoot", "fake.test");
        put_text(ber, "nETBIOSName", "FAKE");
        wire_entry_end(r->client, ber);
        answer_done(r, 0, NULL);
}

void about_settings(Request *r)
{
        BerElement *ber = wire_entry_begin(r->id, r->base);

        wire_value(ber, "invocationId", r->client->face->id, 16);
        wire_entry_end(r->client, ber);
        answer_done(r, 0, NULL);
}

/* The list of controllers: each with its settings object, as a master of the domain (MS-ADTS
 * 6.1.1.2.2.1.2.1.1). */
void about_controllers(Request *r)
{
        for (int i = 0; i < FACES_MAX; i++) {
                const Face *f = faces[i];
                BerElement *ber;
                char dn[200];

                if (!*f->listed)
                        continue;
                snprintf(dn, sizeof(dn), NTDS, f->name);
                ber = wire_entry_begin(r->id, dn);
                wire_value(ber, "invocationId", f->id, sizeof(f->id));
                put_text(ber, "msDS-hasMasterNCs", BASE_DN);
                wire_entry_end(r->client, ber);
        }
        answer_done(r, 0, NULL);
}

/* The server object above the settings: "CN=a,CN=Servers,...". */
void about_server(Request *r)
{
        BerElement *ber = wire_entry_begin(r->id, r->base);

        for (int i = 0; i < FACES_MAX; i++)
                if (faces[i]->name == (r->base[3] | 0x20))
                        put_text(ber, "dNSHostName", faces[i]->listed);
        wire_entry_end(r->client, ber);
        answer_done(r, 0, NULL);
}

/* The numbers of attributes: one by its OID, the others by msDS-IntId. */
void about_schema(Request *r)
{
        static const char *const names[] = { "userAccountControl", "title", "displayName", "accountExpires",
                                             "pwdLastSet" };

        for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
                BerElement *ber;
                char text[32], dn[128];

                if (!filter_holds_name(r->filter, "lDAPDisplayName", names[i]))
                        continue;
                snprintf(dn, sizeof(dn), "CN=%s,CN=Schema,CN=Configuration," BASE_DN, names[i]);
                ber = wire_entry_begin(r->id, dn);
                put_text(ber, "lDAPDisplayName", names[i]);
                if (i == 0) {
                        put_text(ber, "attributeID", "1.2.840.113556.1.4.8");
                } else {
                        put_text(ber, "attributeID", "1.2.3.4.5");
                        snprintf(text, sizeof(text), "%d", (int)entry_number_of(names[i]));
                        put_text(ber, "msDS-IntId", text);
                }
                wire_entry_end(r->client, ber);
        }
        answer_done(r, 0, NULL);
}
