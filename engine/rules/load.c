/* SPDX-License-Identifier: Apache-2.0 */

#include "base/config-doc.h"
#include "base/str.h"
#include "engine/rules/rules-internal.h"
#include "engine/rules/rules-yaml.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#define FILES_MAX 200 /* a folder of more is not a folder of rules */

typedef struct Collected {
        Rule **rules;
        size_t n, size;
        size_t n_flows;
} Collected;

/* True: there was nothing to find fault with. */
static bool load_file(Arena *a, const RulesFile *from, Collected *to, Diag *diag)
{
        Loading l = { .arena = a, .diag = diag };
        FileYaml file = { 0 };
        const RuleYaml *rules;
        int r;

        r = config_read_text(from->name, from->text, from->n, rules_file_fields, NULL, a, &file, &l.doc,
                             diag);
        if (r && !l.doc)
                return false;
        l.options.strict_operators = file.strict_operators;

        /* With findings, what could be read is looked at all the same: one pass shows everything. */
        rules = file.rules.items;
        for (size_t i = 0; i < file.rules.n_items; i++) {
                DiagMark at = file.rules.marks ? file.rules.marks[i] : (DiagMark){ 0 };

                to->n_flows += rules[i].flows.n_items;
                if (to->n == RULES_MAX || to->n_flows > RULES_FLOWS_MAX) {
                        diag_add_at(diag, at, "more than %d rules, or more than %d flows", RULES_MAX,
                                    RULES_FLOWS_MAX);
                        return false;
                }
                if (to->n == to->size) {
                        size_t size = to->size ? to->size * 2 : 64;
                        Rule **grown = arena_new_array(a, Rule *, size);

                        if (to->n)
                                memcpy(grown, to->rules, to->n * sizeof(*grown));
                        to->rules = grown;
                        to->size = size;
                }
                l.index = config_number(&file.rules, i);
                to->rules[to->n++] = load_rule(&l, &rules[i], at);
        }
        return r == 0 && !l.failed;
}

static int is_rule_file(const struct dirent *e)
{
        return e->d_name[0] != '.' && (str_ends(e->d_name, ".yaml") || str_ends(e->d_name, ".yml"));
}

/* So that the order, and with it the version, is the same in every locale. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
        return strcmp((*a)->d_name, (*b)->d_name);
}

/* One that cannot be read says so. */
static bool read_text(Arena *a, const char *path, RulesFile *ret_file, Diag *diag)
{
        _cleanup_(cleanup_free) char *text = NULL;
        size_t n = 0;
        int r = str_read_file(path, CONFIG_FILE_MAX, &text, &n);

        if (r == -EFBIG)
                diag_add_at(diag, (DiagMark){ .file = path }, "larger than %zu MiB", CONFIG_FILE_MAX >> 20);
        else if (r < 0)
                diag_add_at(diag, (DiagMark){ .file = path }, "cannot be read: %s", strerrordesc_np(-r));
        else
                *ret_file = (RulesFile){ .name = path, .text = arena_strndup(a, text, n), .n = n };
        return r == 0;
}

static bool read_folder(Arena *a, const char *folder, RulesFile *files, size_t *ret_n, Diag *diag)
{
        struct dirent **names = NULL;
        bool ok = true;
        int n;

        n = scandir(folder, &names, is_rule_file, by_bytes);
        if (n < 0) {
                diag_add(diag, "%s: the folder of rules cannot be read: %s", folder, strerror(errno));
                return false;
        }
        if (n == 0 || n > FILES_MAX) {
                diag_add(diag, "%s: %d rule files (*.yaml); 1 to %d are expected", folder, n, FILES_MAX);
                ok = false;
        }
        for (int i = 0; i < n; i++) {
                const char *name = names[i]->d_name;

                if (!ok && n > FILES_MAX) {
                        /* Said above, once. */
                } else if (str_ends(name, ".yml")) {
                        diag_add(diag, "%s/%s: a rule file is named *.yaml; this one would be left out",
                                 folder, name);
                        ok = false;
                } else if (read_text(a, arena_printf(a, "%s/%s", folder, name), &files[*ret_n], diag)) {
                        ++*ret_n;
                } else {
                        ok = false;
                }
                free(names[i]);
        }
        free(names);
        return ok;
}

/**
 * rules_read() - the texts of a rule set
 * @a:                  they live here
 * @folder:             folder with *.yaml, or NULL for the shipped set
 * @account_expires:    with the shipped rules that disable what has expired
 * @ret_files, @ret_n:  in the order of their names
 *
 * Return: 0, or RULE_E_INVALID.
 */
int rules_read(Arena *a, const char *folder, bool account_expires, const RulesFile **ret_files, size_t *ret_n,
               Diag *diag)
{
        RulesFile *files = arena_new_array(a, RulesFile, FILES_MAX + n_rules_default + n_rules_optional);
        size_t n = 0;

        if (folder && !read_folder(a, folder, files, &n, diag))
                return RULE_E_INVALID;
        for (size_t i = 0; !folder && i < n_rules_default; i++)
                files[n++] = rules_default[i];
        for (size_t i = 0; account_expires && i < n_rules_optional; i++)
                files[n++] = rules_optional[i];
        *ret_files = files;
        *ret_n = n;
        return 0;
}

/* Return: 0, RULE_E_INVALID. */
int load_rules(Arena *a, const RulesFile *files, size_t n_files, Rule ***ret_rules, size_t *ret_n, Diag *diag)
{
        Collected to = { 0 };
        bool ok = true;

        for (size_t i = 0; i < n_files; i++)
                ok = load_file(a, &files[i], &to, diag) && ok;
        if (!ok)
                return RULE_E_INVALID;
        *ret_rules = to.rules;
        *ret_n = to.n;
        return 0;
}
