/* SPDX-License-Identifier: Apache-2.0 */

#include "app/job/rules-groups.h"

#include "app/flow/connector.h"
#include "app/job/jobs.h"

static int read_group(Source *source, const Connector *c, const RuleGroup *g, bool members, Arena *a,
                      GroupMembers *ret_group, Diag *diag)
{
        static const char *const links[] = { "member" };
        SourceQuery query = { .dn = g->dn->text, .links = links, .n_links = members ? N_ELEMENTS(links) : 0 };
        SourceEntry e;
        int r = source_read(source, &query, a, &e, diag);

        if (r == SOURCE_E_NOT_FOUND) {
                diag_set(diag,
                         "a rule asks for members of %s: there is no such object, or this account may not "
                         "see it",
                         g->dn->text);
                return JOB_E_USAGE;
        }
        if (r)
                return r > 0 ? JOB_E_UNREACHABLE : r;
        *ret_group = (GroupMembers){ .source = c->number, .attribute = g->attribute };
        if (e.n_links) {
                ret_group->ids = e.links[0].ids;
                ret_group->n_ids = e.links[0].n_ids;
        }
        return 0;
}

/* Below its base, and below no other source's that is further in. */
static bool is_of(Connectors *all, const Connector *c, const Config *config, const RuleGroup *g, Arena *a)
{
        const Dn *base;

        return connectors_of_dn(all, g->dn->text) == c &&
               dn_parse(a, connector_in_force(c, config)->ldap.base, &base, NULL) == 0 &&
               dn_is_below(g->dn, base);
}

static int read_of(Wiring *w, const Connector *c, const Config *config, const RuleGroup *groups,
                   size_t n_groups, bool members, Arena *a, GroupMembers *list, size_t *n, Diag *diag)
{
        _cleanup_(source_freep) Source *source = NULL;
        int r = 0;

        for (size_t i = 0; i < n_groups && r == 0; i++) {
                if (!is_of(&w->connectors, c, config, &groups[i], a))
                        continue;
                if (!source)
                        r = wiring_source(w, c, &source);
                if (r == 0)
                        r = read_group(source, c, &groups[i], members, a, &list[*n], diag);
                *n += r == 0;
        }
        return r;
}

int rules_groups_read(Wiring *w, const Config *config, const RuleSet *rules, bool members, Arena *a,
                      const GroupMembers **ret_groups, size_t *ret_n, Diag *diag)
{
        size_t n_groups, n = 0;
        const RuleGroup *groups = rules_member_groups(rules, NULL, &n_groups);
        GroupMembers *list = arena_new_array(a, GroupMembers, n_groups + 1);
        int r = 0;

        for (size_t i = 0; i < w->connectors.n && r == 0; i++)
                r = read_of(w, &w->connectors.items[i], config, groups, n_groups, members, a, list, &n, diag);
        if (r == 0 && n < n_groups) {
                diag_set(diag, "a rule asks for members of a group that is below no source's base");
                r = JOB_E_USAGE;
        }
        *ret_groups = list;
        *ret_n = n;
        return r;
}
