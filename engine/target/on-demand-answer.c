/* SPDX-License-Identifier: Apache-2.0 */

/* What provisionOnDemand answers: two texts that are JSON themselves. */

#include "engine/target/on-demand.h"

#include "base/cleanup.h"
#include "base/str.h"

/* Codes that say something about the agents or the service, not about the object
 * (cloud-sync/reference-error-codes). */
static const char *const away[] = {
        "TimeOut",
        "AzureActiveDirectoryAuthenticationFailed",
        "AzureActiveDirectoryExpiredCredentials",
        "AzureActiveDirectoryInvalidCredential",
        "AzureDirectoryServiceServerBusy",
        "HybridIdentityServiceAgentSignalingError",
        "HybridIdentityServiceInvalidResource",
        "HybridIdentityServiceNoActiveAgents",
        "HybridIdentityServiceNoAgentsAssigned",
        "HybridSynchronizationActiveDirectoryInternalServerError",
};

static void unref(json_t **p)
{
        json_decref(*p);
}

/* The member of the answer that is a text of JSON; NULL: it is not. */
static json_t *text_of(const json_t *answer, const char *key)
{
        const json_t *v = json_object_get(answer, key);

        return json_is_string(v) ? json_loadb(json_string_value(v), json_string_length(v), 0, NULL) : NULL;
}

static int judge(const char *result, const char *code, const char *reason)
{
        for (size_t i = 0; i < N_ELEMENTS(away); i++)
                if (str_is_nocase(code, away[i]))
                        return OWNER_E_UNREACHABLE;
        if (owner_is_throttled(code, reason))
                return OWNER_E_THROTTLED;
        if (str_is_nocase(result, "success") || str_is_nocase(result, "skipped") ||
            str_is_nocase(result, "warning"))
                return 0;
        return OWNER_E_FAILED;
}

int on_demand_parse(const json_t *answer, Arena *a, OwnerReport *ret_said, Diag *diag)
{
        _cleanup_(unref) json_t *key = text_of(answer, "key"), *value = text_of(answer, "value");
        const json_t *details = json_object_get(key, "details"), *info = json_object_get(value, "statusInfo");
        const char *result = owner_text(key, "result", a), *code, *reason;
        int r;

        if (!*result) {
                diag_set(diag, "the answer is no result of provisioning on demand");
                return OWNER_E_UNREACHABLE;
        }
        code = owner_text(details, "errorCode", a);
        reason = owner_text(details, "errorMessage", a);
        if (!*code)
                code = owner_text(info, "errorCode", a);
        if (!*reason)
                reason = owner_text(info, "reason", a);
        *ret_said = owner_report(value, *code ? arena_printf(a, "%s, %s", result, code) : result, a);
        r = judge(result, code, reason);
        if (r)
                diag_set(diag, "%s%s%s", *code ? code : result, *reason ? ": " : "", reason);
        return r;
}
