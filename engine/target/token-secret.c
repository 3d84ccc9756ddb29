/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "engine/target/token.h"

#include <string.h>

typedef struct ErrorWords ErrorWords;

struct ErrorWords {
        const char *code;
        const char *words;
};

/* learn.microsoft.com/entra/identity-platform/reference-error-codes */
static const ErrorWords error_words[] = {
        { "AADSTS50034", "the application is not known in this tenant" },
        { "AADSTS53003", "a conditional access policy blocks this sign-in" },
        { "AADSTS65001", "no administrator has consented to the application's permissions" },
        { "AADSTS90002", "there is no such tenant: check target.tenant_id and target.cloud" },
        { "AADSTS90033", "the sign-in service is not available for the moment" },
        { "AADSTS50027", "the client assertion is not a valid JWT" },
        { "AADSTS700016", "there is no such application in this tenant: check target.client_id" },
        { "AADSTS700021", "the client assertion names another application than target.client_id" },
        { "AADSTS700023", "the client assertion is for another tenant or cloud: check target.tenant_id and "
                          "target.cloud" },
        { "AADSTS700024", "the client assertion is not valid now: check this machine's clock" },
        { "AADSTS700027", "the signature of the client assertion is wrong: the certificate is not the one "
                          "that was registered" },
        { "AADSTS700082", "the credential has expired" },
        { "AADSTS700211", "no federated credential of the application has the issuer of the token in "
                          "federated_token_file" },
        { "AADSTS700212", "no federated credential of the application has the audience of the token in "
                          "federated_token_file" },
        { "AADSTS700213", "no federated credential of the application has the subject of the token in "
                          "federated_token_file" },
        { "AADSTS900023", "the tenant is neither an id nor a domain name: check target.tenant_id" },
        { "AADSTS7000112", "the application is disabled" },
        { "AADSTS7000215", "the client secret is wrong: the file must hold the secret's value, not its id" },
        { "AADSTS7000216", "the request had no client secret and no assertion" },
        { "AADSTS7000218", "the request had no client secret and no assertion" },
        { "AADSTS7000222", "the client secret has expired: make a new one and put it into the file" },
};

/**
 * token_error_words() - what the operator should read
 * @description: error_description of the token endpoint, which begins with its code
 *
 * Return: words, or NULL.
 */
const char *token_error_words(const char *description)
{
        const char *code = description ? strstr(description, "AADSTS") : NULL;
        size_t n = code ? strspn(code + 6, "0123456789") + 6 : 0;

        for (size_t i = 0; n > 0 && i < N_ELEMENTS(error_words); ++i) {
                if (strlen(error_words[i].code) == n && strncmp(error_words[i].code, code, n) == 0)
                        return error_words[i].words;
        }
        return NULL;
}

/**
 * token_renew_ahead() - five minutes, or a fifth of the life
 *
 * Return: microseconds.
 */
int64_t token_renew_ahead(int64_t lifetime_us)
{
        int64_t fifth = lifetime_us / 5;

        return fifth < INT64_C(300000000) ? fifth : INT64_C(300000000);
}
