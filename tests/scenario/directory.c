/* SPDX-License-Identifier: Apache-2.0 */

/* Directory: the script's objects, as Active Directory would give them. */

#include "base/error.h"
#include "base/str.h"
#include "tests/scenario/scene.h"

#include <string.h>

/* Types as listener/ gives them by the directory's schema; everything else is one text. */
static const char *const integers[] = { "accountExpires", "userAccountControl",
                                        "groupType",      "msExchRecipientTypeDetails",
                                        "countryCode",    "pwdLastSet" };
static const char *const booleans[] = { "isCriticalSystemObject", "accountEnabled", "mailEnabled",
                                        "securityEnabled" };
static const char *const references[] = { "manager", "managedBy" };
static const char *const lists[] = { "proxyAddresses", "description", "url", "postOfficeBox",
                                     "otherTelephone" };

static bool is_in(const char *name, const char *const *names, size_t n)
{
        for (size_t i = 0; i < n; i++)
                if (str_is(names[i], name))
                        return true;
        return false;
}

static Value reference(Scene *s, const char *text)
{
        Ref *ref = arena_new_of(s->arena, Ref);
        const Thing *t = scene_thing(s, text);

        ref->text = t ? t->dn : text;
        if (t)
                ref->id = t->id;
        return value_ref(ref);
}

static Value guid_of(Scene *s, const char *name)
{
        const Thing *t = scene_thing(s, name);

        return t ? value_bytes(t->id.bytes, sizeof(t->id.bytes)) : VALUE_NULL;
}

/* "^00:30" as AD writes a time: 100 ns since 1601. */
static Value filetime(Scene *s, const char *text)
{
        int64_t ms = 0;

        script_time(text, s->now_ms, &ms);
        return value_int((SCENE_BEGIN_MS + ms + INT64_C(11644473600000)) * 10000);
}

/* "-" is no value; "@bob" the GUID of bob; a list is divided by semicolons. */
Value directory_value(Scene *s, const char *name, const char *text)
{
        const char *const *parts;
        int64_t number;
        Value *values;
        size_t n;

        if (str_is(text, "-"))
                return VALUE_NULL;
        if (*text == '@')
                return guid_of(s, text + 1);
        if (*text == '^')
                return filetime(s, text + 1);
        if (is_in(name, integers, N_ELEMENTS(integers)) && str_to_int64(text, &number))
                return value_int(number);
        if (is_in(name, booleans, N_ELEMENTS(booleans)))
                return value_bool(str_is(text, "True"));
        if (is_in(name, references, N_ELEMENTS(references)))
                return reference(s, text);
        if (!is_in(name, lists, N_ELEMENTS(lists)))
                return value_string(text);
        parts = script_parts(s->arena, text, ';', &n);
        values = arena_new_array(s->arena, Value, n + 1);
        for (size_t i = 0; i < n; i++)
                values[i] = value_string(parts[i]);
        return value_list(values, n);
}

static void set_value(Scene *s, Thing *t, const char *name, Value v)
{
        for (size_t i = 0; i < t->n_attributes; i++)
                if (str_is(t->attributes[i].name, name)) {
                        t->attributes[i].value = v;
                        return;
                }
        if (t->n_attributes == t->size_attributes) {
                size_t size = t->size_attributes ? t->size_attributes * 2 : 32;
                Attribute *attributes = arena_new_array(s->arena, Attribute, size);

                if (t->n_attributes)
                        memcpy(attributes, t->attributes, t->n_attributes * sizeof(*attributes));
                t->attributes = attributes;
                t->size_attributes = size;
        }
        t->attributes[t->n_attributes++] = (Attribute){ .name = arena_strdup(s->arena, name), .value = v };
}

static void add_member(Scene *s, Thing *t, const ObjectId *id)
{
        if (t->n_members == t->size_members) {
                size_t size = t->size_members ? t->size_members * 2 : 32;
                ObjectId *members = arena_new_array(s->arena, ObjectId, size);

                if (t->n_members)
                        memcpy(members, t->members, t->n_members * sizeof(*members));
                t->members = members;
                t->size_members = size;
        }
        t->members[t->n_members++] = *id;
}

static void remove_member(Thing *t, const ObjectId *id)
{
        size_t n = 0;

        for (size_t i = 0; i < t->n_members; i++)
                if (!guid_is(&t->members[i], id))
                        t->members[n++] = t->members[i];
        t->n_members = n;
}

/* member=a,b  member+=c  member-=d; "m*" is everybody whose name begins with m. */
static bool set_members(Scene *s, Thing *t, const char *name, const char *text)
{
        size_t n;
        const char *const *parts = script_parts(s->arena, str_is(text, "-") ? "" : text, ',', &n);

        if (str_is(name, "member"))
                t->n_members = 0;
        for (size_t i = 0; i < n; i++) {
                bool any = false;

                for (size_t k = 0; k < s->n_things; k++) {
                        size_t length = strlen(parts[i]) - 1;
                        bool hit = str_ends(parts[i], "*")
                                           ? strncmp(s->things[k]->name, parts[i], length) == 0
                                           : str_is(s->things[k]->name, parts[i]);

                        any |= hit;
                        if (hit && str_ends(name, "-"))
                                remove_member(t, &s->things[k]->id);
                        else if (hit)
                                add_member(s, t, &s->things[k]->id);
                }
                if (!any)
                        return scene_fail(s, "there is no object %s", parts[i]);
        }
        return true;
}

bool directory_set(Scene *s, Thing *t, const char *name, const char *text)
{
        if (str_starts(name, "member"))
                return set_members(s, t, name, text);
        if (str_is(name, "manager") && !str_is(text, "-") && !scene_thing(s, text))
                return scene_fail(s, "there is no object %s", text);
        set_value(s, t, name, directory_value(s, name, text));
        if (str_is(name, "mS-DS-ConsistencyGuid"))
                t->anchor = *text == '@' && scene_thing(s, text + 1)
                                    ? scene_thing(s, text + 1)->anchor
                                    : str_base64(s->arena, t->id.bytes, sizeof(t->id.bytes));
        return true;
}

void directory_move(Scene *s, Thing *t, const char *ou)
{
        t->dn = arena_printf(s->arena, "%s=%s,%s%s%s", str_is(t->type, "organizationalUnit") ? "OU" : "CN",
                             t->name, ou, *ou ? "," : "", scene_base(s, t));
}

static Value classes_of(Scene *s, const char *type)
{
        static const char *const user[] = { "top", "person", "organizationalPerson", "user" };
        static const char *const person[] = { "top", "person", "organizationalPerson", "user",
                                              "inetOrgPerson" };
        static const char *const computer[] = { "top", "person", "organizationalPerson", "user", "computer" };
        const char *const group[] = { "top", type };
        const char *const *names = str_is(type, "user")            ? user
                                   : str_is(type, "inetOrgPerson") ? person
                                   : str_is(type, "computer")      ? computer
                                                                   : group;
        size_t n = str_is(type, "user")            ? N_ELEMENTS(user)
                   : str_is(type, "inetOrgPerson") ? N_ELEMENTS(person)
                   : str_is(type, "computer")      ? N_ELEMENTS(computer)
                                                   : N_ELEMENTS(group);
        Value *values = arena_new_array(s->arena, Value, n);

        for (size_t i = 0; i < n; i++)
                values[i] = value_string(names[i]);
        return value_list(values, n);
}

/* What every object of its type has. Its GUID is made from its name, so that each run has the same. */
Thing *directory_new(Scene *s, const char *type, const char *name)
{
        Thing *t = arena_new_of(s->arena, Thing);
        Hash128 h = hash128(name, strlen(name), 0x5ce7e);

        memcpy(t->id.bytes, &h, sizeof(t->id.bytes));
        t->name = arena_strdup(s->arena, name);
        t->type = arena_strdup(s->arena, type);
        t->anchor = str_base64(s->arena, t->id.bytes, sizeof(t->id.bytes));
        t->created = clock_wall(&s->clock.clock);
        directory_move(s, t, SCENE_OU);
        if (s->n_things == s->size_things) {
                size_t size = s->size_things ? s->size_things * 2 : 32;
                Thing **things = arena_new_array(s->arena, Thing *, size);

                if (s->n_things)
                        memcpy(things, s->things, s->n_things * sizeof(Thing *));
                s->things = things;
                s->size_things = size;
        }
        s->things[s->n_things++] = t;

        set_value(s, t, "objectClass", classes_of(s, t->type));
        set_value(s, t, "objectGUID", value_bytes(t->id.bytes, sizeof(t->id.bytes)));
        set_value(s, t, "cn", value_string(t->name));
        set_value(s, t, "sAMAccountName", value_string(t->name));
        set_value(s, t, "displayName", value_string(t->name));
        if (str_is(type, "group")) {
                /* Global, security. */
                set_value(s, t, "groupType", value_int(-2147483646));
        } else {
                set_value(s, t, "userPrincipalName",
                          value_string(arena_printf(s->arena, "%s@contoso.test", t->name)));
                set_value(s, t, "userAccountControl", value_int(512));
                set_value(s, t, "accountExpires", value_int(INT64_MAX));
        }
        return t;
}

/* As it is now, one version later. */
void directory_put(Scene *s, Thing *t, bool deleted)
{
        SourceLinks members = { .attribute = "member", .ids = t->members, .n_ids = t->n_members };
        ObjectBuilder b;
        SourceEntry entry = {
                .version = { .server = t->second ? s->second->server : s->server, .number = ++t->version },
                .changed = clock_wall(&s->clock.clock),
                .deleted = deleted,
                .links = &members,
                .n_links = str_is(t->type, "group") || t->n_members,
        };

        object_build(&b, s->arena);
        for (size_t i = 0; i < t->n_attributes; i++)
                object_add(&b, t->attributes[i].name, t->attributes[i].value);
        object_add(&b, "whenCreated", value_time(filetime_from_unix_ms(t->created.ms)));
        entry.object = object_finish(&b, &t->id, t->type, t->dn);
        source_mem_put(t->second ? s->second->directory : s->directory, &entry);
}
