/* SPDX-License-Identifier: Apache-2.0 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "listener/ldap-dialect.h"
#include "listener/ldap-schema.h"

#define ACCOUNT_NORMAL   0x200
#define ACCOUNT_DISABLED 0x2
#define GROUP_SECURITY   (-2147483646) /* ADS_GROUP_TYPE_SECURITY_ENABLED | GLOBAL_GROUP */

#define LOCKED_FOR_GOOD "000001010000Z"

typedef struct Name {
        const char *ad, *native;
        bool of_group, of_person;
} Name;

/* In this order: the first that is there gives the value. */
static const Name names_of[] = {
        { "sAMAccountName", "uid", false, true },
        { "sAMAccountName", "cn", true, false },
        { "member", "uniqueMember", true, false },
        { "department", "departmentNumber", false, true },
        { "company", "o", false, true },
        { "streetAddress", "street", false, true },
        { "employeeID", "employeeNumber", false, true },
        { "whenChanged", "modifyTimestamp", true, true },
        { "whenCreated", "createTimestamp", true, true },
};

/* RFC 4519 and RFC 2798 allow many values of these, AD one. */
static const char *const single_in_ad[] = {
        "c",
        "cn",
        "co",
        "displayName",
        "employeeType",
        "facsimileTelephoneNumber",
        "givenName",
        "homePhone",
        "initials",
        "l",
        "mail",
        "mobile",
        "pager",
        "physicalDeliveryOfficeName",
        "postalCode",
        "preferredLanguage",
        "sn",
        "st",
        "telephoneNumber",
        "title",
};

/* What else is to be asked for, to make what AD has. */
static const Name needs[] = {
        { "userAccountControl", "pwdAccountLockedTime", false, false },
        { "userAccountControl", "nsAccountLock", false, false },
};

static const char *const group_classes[] = { "groupOfNames", "groupOfUniqueNames", "groupOfMembers" };

static const Dialect dialects[] = {
        [VENDOR_OTHER] = { "this directory", "entryUUID", "entryCSN", false },
        [VENDOR_WINDOWS] = { "Active Directory", "objectGUID", "uSNChanged", true },
        [VENDOR_SAMBA] = { "Samba", "objectGUID", "uSNChanged", true },
        [VENDOR_OPENLDAP] = { "OpenLDAP", "entryUUID", "entryCSN", false },
        [VENDOR_389] = { "389 Directory Server", "nsUniqueId", "entryusn", false },
};

const Dialect *dialect_of(Vendor vendor)
{
        return &dialects[vendor];
}

/* -- asking ---------------------------------------------------------------------------------------------- */

static void add_name(const char **names, size_t *n, const char *name)
{
        for (size_t i = 0; i < *n; i++)
                if (str_is_nocase(names[i], name))
                        return;
        names[(*n)++] = name;
}

/**
 * dialect_ask() - the attributes to ask for
 *
 * Return: the list; for an AD the one that came in.
 */
const char *const *dialect_ask(const Dialect *d, Arena *a, const char *const *names, size_t n, size_t *ret_n)
{
        size_t n_more = N_ELEMENTS(names_of) + N_ELEMENTS(needs) + 4;
        const char **all;
        size_t n_all = 0;

        *ret_n = n;
        if (d->is_ad)
                return names;
        all = arena_new_array(a, const char *, n + n_more);
        for (size_t i = 0; i < n; i++)
                add_name(all, &n_all, names[i]);
        add_name(all, &n_all, "objectClass");
        add_name(all, &n_all, "modifyTimestamp");
        add_name(all, &n_all, d->id);
        add_name(all, &n_all, d->version);
        for (size_t i = 0; i < n; i++) {
                for (size_t k = 0; k < N_ELEMENTS(names_of); k++)
                        if (str_is_nocase(names[i], names_of[k].ad))
                                add_name(all, &n_all, names_of[k].native);
                for (size_t k = 0; k < N_ELEMENTS(needs); k++)
                        if (str_is_nocase(names[i], needs[k].ad))
                                add_name(all, &n_all, needs[k].native);
        }
        *ret_n = n_all;
        return all;
}

const char *dialect_id_filter(const Dialect *d, Arena *a, const ObjectId *id)
{
        char text[GUID_TEXT_MAX];

        guid_format(id, text);
        if (str_is(d->id, "nsUniqueId")) /* f81d4fae-7dec11d0-a76500a0-c91e6bf6: the same digits in fours */
                return arena_printf(a, "(nsUniqueId=%.8s-%.4s%.4s-%.4s%.4s-%.8s)", text, text + 9, text + 14,
                                    text + 19, text + 24, text + 28);
        return arena_printf(a, "(%s=%s)", d->id, text);
}

/* -- understanding --------------------------------------------------------------------------------------- */

void dialect_id_of_uuid(const uint8_t uuid[16], ObjectId *ret_id)
{
        static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

        for (size_t i = 0; i < sizeof(order); i++)
                ret_id->bytes[i] = uuid[order[i]];
}

/* Both forms have 32 hexadecimal digits and some hyphens between them. */
static bool parse_id(const char *text, ObjectId *ret_id)
{
        uint8_t uuid[16];
        size_t n = 0;

        for (; *text; text++) {
                const char *digit, *digits = "0123456789abcdef";

                if (*text == '-')
                        continue;
                digit = strchr(digits, *text | 0x20);
                if (!digit || n == 32)
                        return false;
                uuid[n / 2] = (uint8_t)(n % 2 ? uuid[n / 2] << 4 | (digit - digits) : digit - digits);
                n++;
        }
        if (n == 32)
                dialect_id_of_uuid(uuid, ret_id);
        return n == 32;
}

static unsigned digit_of(char c)
{
        return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
               : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
               : c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                      : 16;
}

/* One to six digits. Return: behind them; NULL: there are none. */
static const char *digits(const char *text, unsigned base, uint64_t *ret_n)
{
        const char *at = text;
        uint64_t n = 0;

        for (; at - text < 6 && digit_of(*at) < base; at++)
                n = n * base + digit_of(*at);
        *ret_n = n;
        return at > text ? at : NULL;
}

uint64_t dialect_csn_number(const char *csn)
{
        const char *dot = csn ? strchr(csn, '.') : NULL;
        uint64_t micro, count;
        char seconds[20];
        int64_t filetime;
        const char *at;
        size_t n;

        if (!dot || dot - csn > 14)
                return 0;
        n = (size_t)(dot - csn);
        memcpy(seconds, csn, n);
        memcpy(seconds + n, ".0Z", 3);
        at = digits(dot + 1, 10, &micro);
        if (!entry_time(seconds, n + 3, &filetime) || !at || at[0] != 'Z' || at[1] != '#')
                return 0;
        at = digits(at + 2, 16, &count);
        if (!at || *at != '#')
                return 0;
        /* 2^51 microseconds are 71 years: eight bits for the count leave room for all of this century. */
        return ((uint64_t)filetime_to_unix_ms(filetime) * 1000 + micro) << 8 | (count > 255 ? 255 : count);
}

static Value first(Value v)
{
        return v.type == VALUE_LIST ? v.n ? value_at(v, 0) : VALUE_NULL : v;
}

static Value get_nocase(const Object *o, const char *name)
{
        for (size_t i = 0; i < o->n_attributes; i++)
                if (str_is_nocase(o->attributes[i].name, name))
                        return o->attributes[i].value;
        return VALUE_NULL;
}

static bool has_class(const Object *o, const char *const *classes, size_t n)
{
        Value all = get_nocase(o, "objectClass");

        for (size_t i = 0; i < value_count(all); i++) {
                Value v = value_at(all, i);

                for (size_t k = 0; k < n; k++)
                        if (v.type == VALUE_STRING && str_is_nocase(v.s, classes[k]))
                                return true;
        }
        return false;
}

static Value with_class(Arena *a, Value classes, const char *more)
{
        size_t n = value_count(classes);
        Value *list = arena_new_array(a, Value, n + 1);

        for (size_t i = 0; i < n; i++)
                list[i] = value_at(classes, i);
        list[n] = value_string(more);
        return value_list(list, n + 1);
}

/* uniqueMember came as text: it is no attribute of AD. */
static Value refs_of(Arena *a, Value values)
{
        size_t n = value_count(values);
        Value *list = arena_new_array(a, Value, n);
        size_t n_list = 0;

        for (size_t i = 0; i < n; i++) {
                Value v = value_at(values, i);
                Ref *ref = arena_new_of(a, Ref);

                if (v.type == VALUE_REF) {
                        list[n_list++] = v;
                } else if (v.type == VALUE_STRING) {
                        ref->text = v.s;
                        list[n_list++] = value_ref(ref);
                }
        }
        return value_list(list, n_list);
}

static bool is_single(const char *name)
{
        for (size_t i = 0; i < N_ELEMENTS(single_in_ad); i++)
                if (str_is_nocase(single_in_ad[i], name))
                        return true;
        return false;
}

static void add_attribute(ObjectBuilder *b, Arena *a, const char *name, Value v, bool is_group)
{
        const SchemaAttribute *known = schema_find(name, strlen(name));

        if (str_is_nocase(name, "objectClass") && is_group)
                v = with_class(a, v, "group");
        else if (known ? !known->multi_valued : is_single(name))
                v = first(v);
        else if (known && known->multi_valued && v.type != VALUE_LIST && v.type != VALUE_NONE)
                v = value_list(arena_memdup(a, &v, sizeof(v)), 1);
        if (known && known->syntax == SYNTAX_REF)
                v = known->multi_valued ? refs_of(a, v) : v;
        object_add(b, name, v);
}

static void add_mapped(ObjectBuilder *b, Arena *a, const Name *name, Value v)
{
        if (str_is(name->ad, "member"))
                object_add(b, name->ad, value_is_none(v) ? v : refs_of(a, v));
        else
                object_add(b, name->ad, first(v));
}

static bool is_locked(const Object *o)
{
        const Value lock = first(get_nocase(o, "nsAccountLock"));
        const Value since = first(get_nocase(o, "pwdAccountLockedTime"));

        return (lock.type == VALUE_STRING && str_is_nocase(lock.s, "true")) ||
               (lock.type == VALUE_BOOL && lock.b) ||
               (since.type == VALUE_STRING && str_is(since.s, LOCKED_FOR_GOOD));
}

/* The facts about the entry that are not attributes to anybody above. */
static void note(const Dialect *d, LdapEntry *e)
{
        static const char *const tombstone[] = { "nsTombstone" };
        Value id = first(get_nocase(e->object, d->id)), version = first(get_nocase(e->object, d->version));
        Value changed = first(get_nocase(e->object, "modifyTimestamp"));

        if (id.type == VALUE_STRING)
                parse_id(id.s, &e->id);
        if (version.type == VALUE_STRING)
                e->usn = strchr(version.s, '#') ? dialect_csn_number(version.s)
                                                : strtoull(version.s, NULL, 10);
        if (changed.type == VALUE_TIME)
                e->changed.ms = filetime_to_unix_ms(changed.i);
        e->deleted = has_class(e->object, tombstone, 1);
}

/**
 * dialect_entry() - an entry of this kind of server, with AD's names
 */
void dialect_entry(const Dialect *d, Arena *a, LdapEntry *e)
{
        const Object *o = e->object;
        bool is_group;
        ObjectBuilder b;

        if (d->is_ad)
                return;
        note(d, e);
        is_group = has_class(o, group_classes, N_ELEMENTS(group_classes));
        object_build(&b, a);
        for (size_t i = N_ELEMENTS(names_of); i-- > 0;) /* the last one added stays */
                if ((is_group ? names_of[i].of_group : names_of[i].of_person))
                        add_mapped(&b, a, &names_of[i], get_nocase(o, names_of[i].native));
        object_add(&b, "objectGUID", value_bytes(arena_memdup(a, &e->id, sizeof(e->id)), sizeof(e->id)));
        if (is_group)
                object_add(&b, "groupType", value_int(GROUP_SECURITY));
        else if (!value_is_none(get_nocase(o, "objectClass"))) { /* a deleted one brings nothing */
                object_add(&b, "userAccountControl",
                           value_int(is_locked(o) ? ACCOUNT_NORMAL | ACCOUNT_DISABLED : ACCOUNT_NORMAL));
                object_add(&b, "accountExpires", value_int(INT64_MAX)); /* never */
        }
        for (size_t i = 0; i < o->n_attributes; i++)
                add_attribute(&b, a, o->attributes[i].name, o->attributes[i].value, is_group);
        e->object = object_finish(&b, &e->id, NULL, e->dn);
}
