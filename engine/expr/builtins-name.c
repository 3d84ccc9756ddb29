/* SPDX-License-Identifier: Apache-2.0 */

#include "engine/expr/builtins-name.h"
#include "base/str.h"
#include "engine/expr/functions.h"
#include "engine/model/dn.h"

#include <string.h>

BUILTINS_NAME(BUILTIN_DECLARE)

/* The text is taken as it is: whether it is a DN is asked when somebody looks into it. */
int builtin_cref(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        Ref *ref = arena_new_of(v->arena, Ref);

        ref->text = args[0].s;
        *ret = value_ref(ref);
        return 0;
}

static const char *ref_text(Eval *v, const Ref *ref)
{
        char text[GUID_TEXT_MAX];

        return ref->text ? ref->text : arena_strdup(v->arena, guid_format(&ref->id, text));
}

int builtin_cstr(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        switch (args[0].type) {
        case VALUE_NONE:
        case VALUE_STRING:
                *ret = args[0];
                return 0;
        case VALUE_INT:
                *ret = value_string(arena_printf(v->arena, "%lld", (long long)args[0].i));
                return 0;
        case VALUE_BOOL:
                *ret = value_string(args[0].b ? "True" : "False");
                return 0;
        case VALUE_REF:
                *ret = value_string(ref_text(v, args[0].ref));
                return 0;
        case VALUE_TIME:
                return eval_fail(v, "CStr of a time: FormatDateTime() says how it is to look");
        default:
                return eval_fail(v, "CStr of %s", value_type_name(args[0]));
        }
}

static int parse_dn(Eval *v, Value ref, const Dn **ret_dn)
{
        Diag why = DIAG_INIT;
        int r;

        r = eval_charge(v, 64 * 64);
        if (r)
                return r;
        if (!ref.ref->text)
                return eval_fail(v, "a reference whose name is not known");
        r = dn_parse(v->arena, ref.ref->text, ret_dn, &why);
        if (r) {
                r = eval_fail(v, "a reference that is not a distinguished name: %s", diag_text(&why));
                diag_deinit(&why);
        }
        return r;
}

/*
 * The value of an RDN without its escapes, but for control characters: they occur only in the marks that AD
 * puts into the names of conflict and deleted objects, where the shipped rules look for "\\0ACNF:" with two
 * backslashes. Written so here, it is found with two backslashes and with one.
 */
static int component(Eval *v, const Rdn *rdn, Value *ret)
{
        const char *s = rdn->value;
        size_t n = strlen(s);
        char *text, *p;
        int r;

        r = eval_buffer(v, 4 * n, &text);
        if (r)
                return r;
        p = text;
        for (; *s; s++) {
                if ((unsigned char)*s < 0x20) {
                        p = mempcpy(p, "\\\\", 2);
                        *p++ = "0123456789ABCDEF"[*s >> 4];
                        *p++ = "0123456789ABCDEF"[*s & 15];
                } else {
                        *p++ = *s;
                }
        }
        *p = '\0';
        *ret = value_string_n(text, (size_t)(p - text));
        return 0;
}

int builtin_dncomponent(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        const Dn *dn;
        int r;

        *ret = VALUE_NULL;
        r = parse_dn(v, args[0], &dn);
        if (r || args[1].i < 1 || (uint64_t)args[1].i > dn->n_rdns)
                return r;
        return component(v, &dn->rdns[args[1].i - 1], ret);
}

int builtin_dncomponentrev(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        bool skip_dc = n_args > 2;
        int64_t left = args[1].i;
        const Dn *dn;
        int r;

        if (skip_dc && strcmp(args[2].s, "DC") != 0)
                return eval_fail(v, "the only option of DNComponentRev is \"DC\"");
        *ret = VALUE_NULL;
        r = parse_dn(v, args[0], &dn);
        if (r || left < 1)
                return r;
        for (size_t i = dn->n_rdns; i > 0; i--) {
                const Rdn *rdn = &dn->rdns[i - 1];

                if (skip_dc && str_is_nocase(rdn->type, "DC"))
                        continue;
                if (--left == 0)
                        return component(v, rdn, ret);
        }
        return 0;
}

/* "cn=Doe, John": what stands in front of the first '=' stays, if it is an attribute type. */
int builtin_escapedncomponent(Eval *v, const Value *args, size_t n_args, Value *ret)
{
        size_t n_type = strspn(args[0].s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.");
        const char *value = args[0].s;
        int r;

        r = eval_charge(v, 4 * (size_t)args[0].n);
        if (r)
                return r;
        n_type = n_type > 0 && value[n_type] == '=' ? n_type + 1 : 0;
        value = dn_escape(v->arena, value + n_type);
        *ret = value_string(arena_printf(v->arena, "%.*s%s", (int)n_type, args[0].s, value));
        return ret->n > VALUE_MAX ? eval_buffer(v, ret->n, &(char *){ NULL }) : 0; /* which refuses it */
}
