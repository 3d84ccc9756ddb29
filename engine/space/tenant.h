/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Tenant: whose cloud the state is of
 *
 * Every row of the connector space of Entra ID has ids of one tenant: what is known of an object there, its
 * links, what an export has replaced. With another target.tenant_id they would mean nothing: nobody of whom
 * nothing changes would ever come to that tenant, and references would name what it has not. So the first
 * contact notes which tenant it is, by the id that Graph gives (the configuration may name a domain).
 */

#include "engine/space/space.h"

/* Return: 0, SPACE_E_NONE (nothing has been in contact yet, or what is noted cannot be read), -errno. */
int tenant_read(Space *s, Arena *a, const char **ret_id);

/* A GUID; what is none proves nothing and is not noted. */
bool tenant_is_id(const char *id);
void tenant_write(SpaceBatch *b, const char *id);

/* Is it another one? */
bool tenant_differs(const char *noted, const char *id);
