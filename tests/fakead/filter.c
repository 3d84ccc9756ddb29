/* SPDX-License-Identifier: Apache-2.0 */

/* Search filters (RFC 4511 4.5.1.7), as far as sosync sends them. */

#include "tests/fakead/fakead.h"

#include <ldap.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 20

struct Filter {
        ber_tag_t tag;
        char *name;
        struct berval value; /* ends in a NUL that does not count */
        Filter *inside, *next;
};

Filter *filter_free(Filter *f)
{
        while (f) {
                Filter *next = f->next;

                filter_free(f->inside);
                free(f->name);
                ber_memfree(f->value.bv_val);
                free(f);
                f = next;
        }
        return NULL;
}

static Filter *read_at(BerElement *ber, int depth)
{
        Filter *f = calloc(1, sizeof(*f));
        ber_len_t len;
        char *end;

        if (!f || depth > DEPTH_MAX)
                return filter_free(f);
        f->tag = ber_peek_tag(ber, &len);
        if (f->tag == LDAP_FILTER_PRESENT) {
                if (ber_scanf(ber, "a", &f->name) == LBER_ERROR)
                        return filter_free(f);
        } else if (f->tag == LDAP_FILTER_EQUALITY || f->tag == LDAP_FILTER_GE || f->tag == LDAP_FILTER_LE) {
                if (ber_scanf(ber, "{ao}", &f->name, &f->value) == LBER_ERROR)
                        return filter_free(f);
        } else if (f->tag == LDAP_FILTER_AND || f->tag == LDAP_FILTER_OR || f->tag == LDAP_FILTER_NOT) {
                Filter **last = &f->inside;

                for (ber_tag_t t = ber_first_element(ber, &len, &end); t != LBER_DEFAULT;
                     t = ber_next_element(ber, &len, end)) {
                        *last = read_at(ber, depth + 1);
                        if (!*last)
                                return filter_free(f);
                        last = &(*last)->next;
                }
        } else if (ber_scanf(ber, "x") == LBER_ERROR) {
                return filter_free(f);
        }
        return f;
}

/* NULL: it cannot be read. */
Filter *filter_read(BerElement *ber)
{
        return read_at(ber, 0);
}

static bool is_member(const Attribute *a, const char *value)
{
        uint8_t guid[16];

        if (strncasecmp(value, "<GUID=", 6) != 0 || !guid_read(value + 6, guid))
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (memcmp(a->values[i], guid, 16) == 0)
                        return true;
        return false;
}

/* Of a GUID every byte counts, and one is as good as another. */
static bool is_equal(const struct berval *v, const char *value, size_t n)
{
        return v->bv_len == n && (memcmp(v->bv_val, value, n) == 0 ||
                                  (strlen(v->bv_val) == n && strcasecmp(v->bv_val, value) == 0));
}

static bool compare(const Filter *f, const Thing *t)
{
        const Attribute *a;

        if (strcasecmp(f->name, "uSNChanged") == 0) {
                uint64_t wanted = strtoull(f->value.bv_val, NULL, 10);

                return f->tag == LDAP_FILTER_GE   ? t->usn >= wanted
                       : f->tag == LDAP_FILTER_LE ? t->usn <= wanted
                                                  : t->usn == wanted;
        }
        a = thing_get(t, f->name);
        if (!a || f->tag != LDAP_FILTER_EQUALITY)
                return false;
        if (a->is_link)
                return is_member(a, f->value.bv_val);
        for (size_t i = 0; i < a->n; i++)
                if (is_equal(&f->value, a->values[i], a->sizes[i]))
                        return true;
        return false;
}

/* Of something that has this one attribute. */
bool filter_holds_name(const Filter *f, const char *name, const char *value)
{
        char *v = (char *)(uintptr_t)value;
        size_t n = strlen(value);
        Attribute a = { .name = (char *)(uintptr_t)name, .values = &v, .sizes = &n, .n = 1 };
        Thing t = { .attributes = &a, .n_attributes = 1 };

        return filter_holds(f, &t);
}

bool filter_holds(const Filter *f, const Thing *t)
{
        switch (f->tag) {
        case LDAP_FILTER_AND:
                for (const Filter *i = f->inside; i; i = i->next)
                        if (!filter_holds(i, t))
                                return false;
                return true;
        case LDAP_FILTER_OR:
                for (const Filter *i = f->inside; i; i = i->next)
                        if (filter_holds(i, t))
                                return true;
                return false;
        case LDAP_FILTER_NOT:
                return f->inside && !filter_holds(f->inside, t);
        case LDAP_FILTER_PRESENT:
                return strcasecmp(f->name, "objectClass") == 0 || thing_get(t, f->name);
        case LDAP_FILTER_EQUALITY:
        case LDAP_FILTER_GE:
        case LDAP_FILTER_LE:
                return compare(f, t);
        default:
                return false;
        }
}
