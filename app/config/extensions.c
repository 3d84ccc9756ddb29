/* SPDX-License-Identifier: Apache-2.0 */

#include "app/config/extensions.h"

#include "base/cleanup.h"
#include "base/str.h"

#include <string.h>

/* A rule for each kind of object on either side. Precedences are free ones below those that Connect ships. */
static const struct {
        int of;
        const char *direction, *name, *tag, *source_type, *target_type;
        const char *scope; /* a clause, as Connect's own rules have it; NULL: inbound */
        unsigned precedence;
} rules[] = {
        { 0, "Inbound", "In from AD - User DirectoryExtension", "Sosync.InfromADUserDirectoryExtension.001",
          "user", "person", NULL, 92 },
        { 0, "Inbound", "In from AD - InetOrgPerson DirectoryExtension",
          "Sosync.InfromADInetOrgPersonDirectoryExtension.001", "inetOrgPerson", "person", NULL, 93 },
        { 1, "Inbound", "In from AD - Group DirectoryExtension", "Sosync.InfromADGroupDirectoryExtension.001",
          "group", "group", NULL, 94 },
        { 0, "Outbound", "Out to AAD - User DirectoryExtension", "Sosync.OuttoAADUserDirectoryExtension.001",
          "person", "user", "{attribute: sourceObjectType, operator: EQUAL, value: User}", 95 },
        { 1, "Outbound", "Out to AAD - Group DirectoryExtension",
          "Sosync.OuttoAADGroupDirectoryExtension.001", "group", "group",
          "{attribute: sourceAnchor, operator: ISNOTNULL}", 96 },
};

static void add_rule(Str *s, const Config *c, size_t i)
{
        const TargetExtension *list = c->target.extensions.items;
        size_t n = 0;

        for (size_t k = 0; k < c->target.extensions.n_items; k++)
                n += list[k].of == rules[i].of;
        if (!n)
                return;
        str_printf(s, "  - name: %s\n    tag: %s\n", rules[i].name, rules[i].tag);
        str_printf(s, "    description: Directory extensions, as target.extensions of the configuration "
                      "names them.\n");
        str_printf(s, "    direction: %s\n    source_type: %s\n    target_type: %s\n    link: Join\n",
                   rules[i].direction, rules[i].source_type, rules[i].target_type);
        str_printf(s, "    precedence: %u\n", rules[i].precedence);
        if (rules[i].scope)
                str_printf(s,
                           "    scope:\n      - clauses:\n"
                           "          - %s\n"
                           "          - {attribute: cloudMastered, operator: NOTEQUAL, value: True}\n",
                           rules[i].scope);
        str_printf(s, "    flows:\n");
        for (size_t k = 0; k < c->target.extensions.n_items; k++)
                if (list[k].of == rules[i].of && !target_extension_check(list[k].property))
                        str_printf(s, "      - {target: %s, source: %s}\n", list[k].property,
                                   rules[i].scope ? list[k].property : list[k].attribute);
}

static RulesFile file_of(const Config *c, Arena *a)
{
        RulesFile file = { .name = "target.extensions" };
        Str s;

        str_init(&s, 1 << 20);
        str_add(&s, "rules:\n");
        for (size_t i = 0; i < N_ELEMENTS(rules); i++)
                add_rule(&s, c, i);
        file.text = arena_strdup(a, s.data);
        file.n = strlen(file.text);
        str_deinit(&s);
        return file;
}

int config_read_rules(const Config *c, const char *folder, Arena *a, const RulesFile **ret_files,
                      size_t *ret_n, Diag *diag)
{
        const RulesFile *files;
        RulesFile *all;
        size_t n;
        int r = rules_read(a, folder ? folder : c->rules.directory, c->rules.account_expires, &files, &n,
                           diag);

        if (r)
                return r;
        all = arena_new_array(a, RulesFile, n + 1);
        memcpy(all, files, n * sizeof(*all));
        if (c->target.extensions.n_items)
                all[n++] = file_of(c, a);
        *ret_files = all;
        *ret_n = n;
        return 0;
}
