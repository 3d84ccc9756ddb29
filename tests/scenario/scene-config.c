/* SPDX-License-Identifier: Apache-2.0 */

/* The configuration that a script has made: written as a person would, and loaded as the service does. */

#include "tests/scenario/scene.h"

#include "base/str.h"

#include <errno.h>
#include <string.h>

/* `source:` and `scope:` of a directory, each in one line. */
static void add_source(Scene *s, Str *out, const char *name, const char *base, const char *indent)
{
        const char *secret = arena_printf(s->arena, "%s/secret", s->folder);

        str_printf(out,
                   "source: {name: %s, uris: [\"ldaps://dc1.%s\"], base: \"%s\",\n"
                   "%s    bind: {mechanism: simple, dn: CN=sosync, password_file: %s}, tls: {ca_file: %s}}\n"
                   "%sscope: {include: [\"" SCENE_OU ",%s\"],\n"
                   "%s    exclude: [\"OU=Service Accounts," SCENE_OU ",%s\"],\n"
                   "%s    on_leave: %s, on_delete: %s",
                   name, name, base, indent, secret, secret, indent, base, indent, base, indent,
                   s->on_leave ? s->on_leave : "report", s->on_delete ? s->on_delete : "report");
        if (s->types)
                str_printf(out, ", object_types: [%s]", s->types);
        if (s->group_filter && str_is(base, SCENE_BASE))
                str_printf(out, ", group_filter: \"%s\"", s->group_filter);
        str_add(out, "}\n");
}

static const char *sources_text(Scene *s)
{
        const char *text;
        Str out;

        str_init(&out, SIZE_MAX);
        if (s->second)
                str_add(&out, "sources:\n  - ");
        add_source(s, &out, "corp.contoso.test", SCENE_BASE, s->second ? "    " : "");
        if (s->second) {
                str_add(&out, "  - ");
                add_source(s, &out, s->second->name, s->second->base, "    ");
        }
        text = arena_strdup(s->arena, out.data);
        str_deinit(&out);
        return text;
}

static int write_config(Scene *s)
{
        const char *secret = arena_printf(s->arena, "%s/secret", s->folder);
        const char *text = arena_printf(
                s->arena,
                "%s"
                "%s%s%s"
                "staging: %s\n"
                "target:\n"
                "  tenant_id: 11111111-2222-3333-4444-555555555555\n"
                "  client_id: 22222222-2222-3333-4444-555555555555\n"
                "  estate: %s\n%s"
                "%s%s%s"
                "  credentials: [{secret_file: %s}]\n"
                "  ca_file: %s\n"
                "urgent:\n"
                "  - {attribute: userAccountControl, when: \"BitAnd([userAccountControl],2) = 2\", "
                "revoke_sessions: true}\n"
                "settle: 120s\n"
                "protected: {%s}\n"
                "%s%s%s%s%s",
                sources_text(s), s->rules ? "rules: {" : "", s->rules ? s->rules : "", s->rules ? "}\n" : "",
                s->staging ? "true" : "false", s->estate ? s->estate : "alone",
                s->ask ? "  connect: {command: [/nowhere]}\n" : "", s->section ? "  " : "",
                s->section ? s->section : "", s->section ? "\n" : "", secret, secret,
                s->guarded ? s->guarded : "", s->brakes ? "brakes: {" : "", s->brakes ? s->brakes : "",
                s->brakes ? "}\n" : "", s->scheduler ? "scheduler:\n" : "", s->scheduler ? s->scheduler : "");
        int r = str_write_file(secret, "secret\n", 7, 0600);

        return r ? r
                 : str_write_file(arena_printf(s->arena, "%s/sosync.yaml", s->folder), text, strlen(text),
                                  0600);
}

int scene_load_config(Scene *s, Config **ret_config)
{
        Diag diag = DIAG_INIT;
        int r = write_config(s);

        if (r == 0)
                r = config_load(ret_config, arena_printf(s->arena, "%s/sosync.yaml", s->folder), &diag);
        for (size_t i = 0; r && i < diag.n_items; i++)
                fprintf(stderr, "%s\n", diag.items[i].text);
        diag_deinit(&diag);
        return r > 0 ? -EINVAL : r;
}

bool scene_reload(Scene *s)
{
        Config *c;

        if (scene_load_config(s, &c))
                return scene_fail(s, "the configuration cannot be loaded");
        snapshot_swap(&s->snapshot, c);
        s->intake.filter_due = true;
        return true;
}
