/* SPDX-License-Identifier: Apache-2.0 */

/* One object as an answer: attributes in ranges, links as names, stamps. */

#include "tests/fakead/fakead.h"

#include <stdlib.h>
#include <string.h>

/* "member;range=5-9" → "member", 5, 9 (last may be SIZE_MAX for *). */
bool entry_asks_for(const char *asked, const char *name, size_t *ret_first, size_t *ret_last)
{
        size_t n = strlen(name);
        const char *range;

        if (strncasecmp(asked, name, n) != 0 || (asked[n] && asked[n] != ';'))
                return false;
        *ret_first = 0;
        *ret_last = SIZE_MAX;
        range = strstr(asked, ";range=");
        if (range) {
                char *end;

                *ret_first = strtoul(range + 7, &end, 10);
                if (*end == '-' && end[1] != '*')
                        *ret_last = strtoul(end + 1, NULL, 10);
        }
        return true;
}

static void put_values(const Request *r, BerElement *ber, const char *name, const Attribute *a, size_t first,
                       size_t last)
{
        size_t n = last >= a->n ? a->n : last + 1;
        char **values;
        size_t *sizes;

        if (first >= n) {
                wire_attribute(ber, name, NULL, NULL, 0);
                return;
        }
        if (!a->is_link) {
                wire_attribute(ber, name, a->values + first, a->sizes + first, n - first);
                return;
        }
        values = calloc(n - first, sizeof(*values));
        sizes = calloc(n - first, sizeof(*sizes));
        if (!values || !sizes)
                abort();
        for (size_t i = first; i < n; i++) {
                const Thing *t =
                        a->n > 5000 ? NULL : store_find(r->client->face, (const uint8_t *)a->values[i]);
                char guid[37], *text;
                int len;

                guid_text((const uint8_t *)a->values[i], guid);
                len = t ? asprintf(&text, r->extended_dn ? "<GUID=%s>;%s" : "%s%s",
                                   r->extended_dn ? guid : "", t->dn)
                        : asprintf(&text, "<GUID=%s>;CN=%s,OU=Corp," BASE_DN, guid, guid);
                if (len < 0)
                        abort();
                values[i - first] = text;
                sizes[i - first] = (size_t)len;
        }
        wire_attribute(ber, name, values, sizes, n - first);
        for (size_t i = 0; i < n - first; i++)
                free(values[i]);
        free(values);
        free(sizes);
}

/* More than fits: the attribute comes empty, and beside it the range that was cut (MS-ADTS 3.1.1.3.1.3.3). */
static void put_attribute(const Request *r, BerElement *ber, const Attribute *a, const char *asked,
                          size_t first, size_t last)
{
        size_t limit = r->client->face->range;
        bool cut = limit && a->n > limit, part = asked && strstr(asked, ";range=");
        char name[200];

        if (!cut && !part) {
                put_values(r, ber, a->name, a, 0, SIZE_MAX);
                return;
        }
        if (limit && (last == SIZE_MAX || last - first >= limit))
                last = first + limit - 1;
        if (!part)
                wire_attribute(ber, a->name, NULL, NULL, 0);
        if (last + 1 >= a->n)
                snprintf(name, sizeof(name), "%s;range=%zu-*", a->name, first);
        else
                snprintf(name, sizeof(name), "%s;range=%zu-%zu", a->name, first, last);
        put_values(r, ber, name, a, first, last);
}

static bool is_asked(const Request *r, const char *name)
{
        size_t first, last;

        for (size_t i = 0; i < r->n_attributes; i++)
                if (entry_asks_for(r->attributes[i], name, &first, &last) ||
                    strcmp(r->attributes[i], "*") == 0)
                        return true;
        return r->n_attributes == 0;
}

void entry_put_number(BerElement *ber, const char *name, uint64_t number)
{
        char text[32];

        snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
        wire_value(ber, name, text, strlen(text));
}

/* The number of an attribute (msDS-IntId in about_schema()); userAccountControl has the one that all forests
 * know.
 */
uint32_t entry_number_of(const char *name)
{
        uint32_t hash = 0;

        if (strcasecmp(name, "userAccountControl") == 0)
                return 0x90008;
        for (; *name; name++)
                hash = hash * 31 + (uint8_t)(*name | 0x20);
        return 0x80000000 | (hash & 0x3fffffff);
}

static void put_little(uint8_t *p, uint64_t v, size_t n)
{
        for (size_t i = 0; i < n; i++)
                p[i] = (uint8_t)(v >> (8 * i));
}

/* MS-DRSR 5.163 */
static void put_stamps(BerElement *ber, const Thing *t)
{
        size_t n = 16 + 48 * t->n_attributes;
        uint8_t *blob = calloc(1, n);

        if (!blob)
                abort();
        put_little(blob, 1, 4);
        put_little(blob + 8, t->n_attributes, 4);
        for (size_t i = 0; i < t->n_attributes; i++) {
                const Attribute *a = &t->attributes[i];
                uint8_t *e = blob + 16 + 48 * i;

                put_little(e, entry_number_of(a->name), 4);
                put_little(e + 4, a->version, 4);
                put_little(e + 8, a->time, 8);
                memcpy(e + 16, a->origin, 16);
                put_little(e + 40, a->usn, 8);
        }
        wire_value(ber, "replPropertyMetaData", blob, n);
        free(blob);
}

static void put_time(BerElement *ber, const char *name, time_t at)
{
        struct tm tm;
        char text[32];
        size_t n = strftime(text, sizeof(text), "%Y%m%d%H%M%S.0Z", gmtime_r(&at, &tm));

        wire_value(ber, name, text, n);
}

/* `since`: only attributes that changed after this. */
void entry_put(const Request *r, const Thing *t, uint64_t since)
{
        BerElement *ber = wire_entry_begin(r->id, "");
        char guid[37], *dn = NULL;

        ber_free(ber, 1);
        guid_text(t->guid, guid);
        if (asprintf(&dn, r->extended_dn ? "<GUID=%s>;%s" : "%s%s", r->extended_dn ? guid : "", t->dn) < 0)
                abort();
        ber = wire_entry_begin(r->id, dn);
        wire_value(ber, "objectGUID", t->guid, 16);
        if (is_asked(r, "uSNChanged"))
                entry_put_number(ber, "uSNChanged", t->usn);
        if (is_asked(r, "whenChanged"))
                put_time(ber, "whenChanged", t->changed);
        if (is_asked(r, "whenCreated"))
                put_time(ber, "whenCreated", t->created);
        for (size_t i = 0; i < r->n_attributes; i++)
                if (strcasecmp(r->attributes[i], "replPropertyMetaData") == 0)
                        put_stamps(ber, t);
        if (t->deleted)
                wire_value(ber, "isDeleted", "TRUE", 4);
        for (size_t i = 0; i < t->n_attributes; i++) {
                const Attribute *a = &t->attributes[i];
                size_t first = 0, last = SIZE_MAX;
                const char *asked = NULL;

                for (size_t k = 0; k < r->n_attributes && !asked; k++)
                        if (entry_asks_for(r->attributes[k], a->name, &first, &last))
                                asked = r->attributes[k];
                if ((asked || is_asked(r, a->name)) && a->usn > since && a->n)
                        put_attribute(r, ber, a, asked, first, last);
        }
        wire_entry_end(r->client, ber);
        free(dn);
}
