/* SPDX-License-Identifier: Apache-2.0 */

/* The configuration that a script has made: written as a person would, and loaded as the service does. */

#include "tests/scenario/scene.h"

#include "base/str.h"

#include <errno.h>
#include <string.h>

static int write_config(Scene *s)
{
        const char *secret = arena_printf(s->arena, "%s/secret", s->folder);
        const char *text = arena_printf(
                s->arena,
                "source:\n"
                "  name: corp.contoso.test\n"
                "  uris: [ldaps://dc1.corp.contoso.test]\n"
                "  base: " SCENE_BASE "\n"
                "  bind: {mechanism: simple, dn: CN=sosync, password_file: %s}\n"
                "  tls: {ca_file: %s}\n"
                "scope:\n"
                "  include: [\"" SCENE_OU "," SCENE_BASE "\"]\n"
                "  exclude: [\"OU=Service Accounts," SCENE_OU "," SCENE_BASE "\"]\n"
                "  on_leave: %s\n"
                "  on_delete: %s\n"
                "%s%s%s"
                "%s%s%s"
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
                secret, secret, s->on_leave ? s->on_leave : "report", s->on_delete ? s->on_delete : "report",
                s->types ? "  object_types: [" : "", s->types ? s->types : "", s->types ? "]\n" : "",
                s->group_filter ? "  group_filter: \"" : "", s->group_filter ? s->group_filter : "",
                s->group_filter ? "\"\n" : "", s->rules ? "rules: {" : "", s->rules ? s->rules : "",
                s->rules ? "}\n" : "", s->staging ? "true" : "false", s->estate ? s->estate : "alone",
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
