/* SPDX-License-Identifier: Apache-2.0 */

#include "app/rules/look.h"

#include "base/str.h"
#include "engine/model/dn.h"
#include "engine/steps/catalogue.h"
#include "listener/source-ldap.h"

#include <string.h>

int look_file(Look *ret, Arena *a, const char *path, const char *type, Diag *diag)
{
        ObjectFile file;

        if (!object_json_read(a, path, type, &file, diag))
                return EXIT_USAGE;
        *ret = (Look){
                .arena = a,
                .object = file.object,
                .imported = file.imported,
                .parameters = file.parameters,
                .n_parameters = file.n_parameters,
        };
        return EXIT_DONE;
}

/* The only finding, and the status. */
static int refuse(int status, Diag *diag, const char *format, ...) __attribute__((format(printf, 3, 4)));

static int refuse(int status, Diag *diag, const char *format, ...)
{
        char text[2048];
        va_list ap;

        va_start(ap, format);
        vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        diag_set(diag, "%s", text);
        return status;
}

/* As in a run (app/flow/worker.c): what the source says of its domain and forest. */
static void set_parameters(Look *look, const SourceInfo *info)
{
        ExprParameter all[] = {
                { .name = "Domain.FQDN", .value = info->domain_fqdn },
                { .name = "Domain.Netbios", .value = info->domain_netbios },
                { .name = "Domain.LDAP", .value = info->base },
                { .name = "Forest.FQDN", .value = info->forest_fqdn },
                { .name = "Forest.Netbios", .value = info->forest_netbios },
                { .name = "Connector.ID", .value = look->connector },
        };
        ExprParameter *parameters = arena_new_array(look->arena, ExprParameter, N_ELEMENTS(all));

        for (size_t i = 0; i < N_ELEMENTS(all); i++)
                if (all[i].value)
                        parameters[look->n_parameters++] = (ExprParameter){
                                .name = all[i].name,
                                .value = arena_strdup(look->arena, all[i].value),
                        };
        look->parameters = parameters;
}

/* Typed, with its DN, with the number of members in place of them, and with what member clauses ask
 * (engine/rules/rules.h). */
static int project(Look *look, const RuleSet *rules, Source *source, const SourceEntry *entry, Diag *diag)
{
        const Object *o = entry->object;
        const char *type = scope_type_of(object_get(o, "objectClass"));
        ObjectBuilder b;
        int r = 0;

        object_build(&b, look->arena);
        for (size_t i = 0; i < o->n_attributes; i++)
                object_add(&b, o->attributes[i].name, o->attributes[i].value);
        object_add(&b, "dn", value_string(o->dn));
        for (size_t i = 0; i < entry->n_links; i++)
                if (str_is(entry->links[i].attribute, "member"))
                        object_add(&b, RULES_COUNT_MEMBER,
                                   value_int((int64_t)(entry->links[i].n_ids + entry->links[i].n_unknown)));
        if (rules)
                r = run_ask_groups(rules, source, &o->id, type, &b, diag);
        look->object = object_finish(&b, &o->id, type, o->dn);
        return r;
}

static int read_object(Look *look, const RuleSet *rules, Source *source, const SourceQuery *query, Diag *diag)
{
        SourceEntry entry = { 0 };
        SourceInfo info = { 0 };
        int r = source_read(source, query, look->arena, &entry, diag);

        if (r == 0)
                r = project(look, rules, source, &entry, diag);
        if (r == SOURCE_E_UNREACHABLE || r == SOURCE_E_REFUSED)
                return EXIT_UNREACHABLE;
        if (r == SOURCE_E_NOT_FOUND)
                return refuse(EXIT_OBJECT, diag, "there is no object \"%s\", or this account may not see it",
                              str_safe(look->arena, query->dn, strlen(query->dn)));
        if (r)
                return refuse(EXIT_OBJECT, diag, "the object cannot be read: %s", diag_text(diag));
        if (source_info(source, &info, NULL) == 0)
                set_parameters(look, &info);
        return EXIT_DONE;
}

int look_directory(Look *ret, Arena *a, const Config *config, const RuleSet *rules, const char *dn,
                   const char *const *attributes, size_t n_attributes, bool links, Diag *diag)
{
        _cleanup_(source_freep) Source *source = NULL;
        const SourceConfig *from = &config->sources[0];
        SourceQuery query = {
                .dn = dn,
                .attributes = attributes,
                .n_attributes = n_attributes,
                .links = links ? config->run.links : NULL,
                .n_links = links ? config->run.n_links : 0,
        };
        const Dn *parsed;

        if (dn_parse(a, dn, &parsed, diag))
                return refuse(EXIT_USAGE, diag, "\"%s\" is not a distinguished name: %s",
                              str_safe(a, dn, strlen(dn)), diag_text(diag));
        if (config_source_of(config, parsed))
                from = config_source_of(config, parsed);
        *ret = (Look){ .arena = a, .connector = arena_strdup(a, from->ldap.name) };
        if (source_ldap_new(&source, &(SourceLdapConfig){ .ldap = &from->ldap, .clock = &clock_system }))
                return refuse(EXIT_OBJECT, diag, "the directory cannot be asked");
        return read_object(ret, rules, source, &query, diag);
}
