/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Kerberos tickets that seem to end soon: preloaded by test-kerberos.py
 *
 * A KDC gives none that is shorter than two minutes (Samba takes such a one for that of a password change).
 * The ticket is real and good; only what GSSAPI says of its lifetime is SOSYNC_TICKET_S seconds.
 */

#include <dlfcn.h>
#include <gssapi/gssapi_ext.h>
#include <stdlib.h>

typedef __typeof__(gss_acquire_cred_from) Acquire;

OM_uint32 gss_acquire_cred_from(OM_uint32 *minor, gss_name_t name, OM_uint32 wanted, gss_OID_set mechs,
                                gss_cred_usage_t usage, gss_const_key_value_set_t store,
                                gss_cred_id_t *ret_cred, gss_OID_set *ret_mechs, OM_uint32 *ret_seconds)
{
        Acquire *real = (Acquire *)dlsym(RTLD_NEXT, "gss_acquire_cred_from");
        const char *seconds = getenv("SOSYNC_TICKET_S");
        OM_uint32 r = real(minor, name, wanted, mechs, usage, store, ret_cred, ret_mechs, ret_seconds);

        if (seconds && ret_seconds && !GSS_ERROR(r) && *ret_seconds > (OM_uint32)atoi(seconds))
                *ret_seconds = (OM_uint32)atoi(seconds);
        return r;
}
