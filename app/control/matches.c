/* SPDX-License-Identifier: Apache-2.0 */

#include "app/control/matches.h"

#include "base/error.h"
#include "engine/model/dn.h"
#include "engine/steps/candidate.h"

#include <errno.h>
#include <string.h>

static int add(void *context, const ObjectKey *key, const Candidate *c)
{
        char id[GUID_TEXT_MAX], cloud[GUID_TEXT_MAX], seen[WALL_TEXT_MAX];

        json_array_append_new(context,
                              json_pack("{s:s, s:s, s:s?, s:s, s:s?, s:s?, s:s?, s:s?, s:s, s:b, s:s?}", "dn",
                                        c->dn, "id", guid_format(&key->id, id), "userPrincipalName", c->upn,
                                        "cloudId", guid_format(&c->cloud, cloud), "cloudUserPrincipalName",
                                        c->cloud_upn, "cloudDisplayName", c->cloud_name, "by", c->by, "value",
                                        c->value, "seen", wall_format(c->seen, seen), "approved", c->approved,
                                        "approvedBy", c->approved_by));
        return 0;
}

json_t *matches_list(Queue *q)
{
        json_t *list = json_array();

        if (candidate_walk(queue_space(q), add, list) == 0)
                return list;
        json_decref(list);
        return NULL;
}

static const char *text(Arena *a, const json_t *o, const char *key, const char *fallback)
{
        const char *s = json_string_value(json_object_get(o, key));

        return s ? str_safe(a, s, strlen(s)) : fallback;
}

void matches_list_text(const json_t *list, Str *out)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        json_t *o;
        size_t i;

        json_array_foreach(list, i, o)
        {
                str_printf(out, "%s%s\n", i ? "\n" : "", text(a, o, "dn", ""));
                str_printf(out, "  Active Directory    %s  %s\n",
                           text(a, o, "userPrincipalName", "(no user name)"), text(a, o, "id", ""));
                str_printf(out, "  Microsoft Entra ID  %s  %s  %s\n",
                           text(a, o, "cloudUserPrincipalName", "(no user name)"), text(a, o, "cloudId", ""),
                           text(a, o, "cloudDisplayName", ""));
                str_printf(out, "  the same            %s %s\n", text(a, o, "by", ""),
                           text(a, o, "value", ""));
                if (json_is_true(json_object_get(o, "approved")))
                        str_printf(out, "  approved by         %s\n", text(a, o, "approvedBy", ""));
        }
}

typedef struct Approval {
        Queue *queue;
        const Dn *dn; /* NULL: by id */
        ObjectId id;
        const char *by;
        Wall now;
        Arena *arena;
        int n;
} Approval;

static bool is_meant(const Approval *ap, const ObjectKey *key, const Candidate *c)
{
        const Dn *dn;

        if (!ap->dn)
                return guid_is(&ap->id, &key->id);
        return c->dn && dn_parse(ap->arena, c->dn, &dn, NULL) == 0 && dn_is(dn, ap->dn);
}

static int approve(void *context, const ObjectKey *key, const Candidate *c)
{
        Approval *ap = context;
        Candidate approved = *c;
        SpaceBatch batch;
        int r;

        if (!is_meant(ap, key, c))
                return 0;
        approved.approved = true;
        approved.approved_at = ap->now;
        approved.approved_by = ap->by;
        space_batch_init(&batch, ap->arena);
        candidate_write(&batch, key, &approved);
        r = queue_put_batch(ap->queue, &batch, ap->now);
        if (r == 0) {
                r = queue_unpark(ap->queue, key, ap->now);
                r = r == QUEUE_E_NONE ? 0 : r; /* it is in work, or comes back with its next change */
        }
        ap->n += r == 0;
        return r < 0 ? r : 0;
}

int matches_approve(Queue *q, const char *which, const char *by, Wall now)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        Approval ap = { .queue = q, .by = by, .now = now, .arena = a };
        int r;

        if (!guid_parse(which, &ap.id) && dn_parse(a, which, &ap.dn, NULL))
                return -EINVAL;
        r = candidate_walk(queue_space(q), approve, &ap);
        return r < 0 ? r : ap.n;
}
