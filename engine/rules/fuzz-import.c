/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Any bytes as an exported rule: XML if they begin with '<', else a script. What can be read is finished,
 * written, and must load again without a finding of any single rule.
 *
 *      b-fuzz/engine/rules/fuzz-import -dict=engine/rules/fuzz-import.dict CORPUS engine/rules/testdata
 */

#include "engine/rules/import-model.h"
#include "engine/rules/rules-internal.h"
#include "engine/rules/write-yaml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(Arena *a, const Import *im)
{
        RulesFile file = { .name = "imported.yaml" };
        Rule **rules;
        size_t n = 0;
        Str text;

        if (im->n_rules == 0)
                return;
        str_init(&text, (size_t)64 << 20);
        write_yaml_rules(&text, im->rules, im->n_rules);
        file.text = text.data;
        file.n = text.n;
        if (load_rules(a, &file, 1, &rules, &n, NULL) || n != im->n_rules)
                abort();
        str_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static const ImportOptions options = { 0 };
        Arena *a = arena_new(0);
        Diag diag = DIAG_INIT;
        Importing im = { .arena = a, .diag = &diag, .options = &options };
        const XmlNode *root;
        Import import;
        bool ok;

        if (size && data[0] == '<') {
                ok = xml_parse(a, "fuzz.xml", (const char *)data, size, &root, &diag) == 0;
                if (ok)
                        import_xml_rule(&im, "fuzz.xml", root);
        } else {
                ok = import_script(&im, "fuzz.ps1", (const char *)data, size) == 0;
        }
        if (ok && import_finish(&im, &import) == 0)
                check(a, &import);
        if (!ok && !diag_any(&diag))
                abort(); /* refused without a word */
        diag_deinit(&diag);
        arena_free(a);
        return 0;
}
