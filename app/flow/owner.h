/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Owner: the user whom the state folder belongs to
 *
 * Root who runs a command beside a service would leave files that the service cannot open, and would write in
 * a folder that somebody else controls. So whoever opens the store as root goes on as its owner, for good.
 */

#include "base/diag.h"

/*
 * `path` need not exist; then it is the owner of the nearest folder above that does. Nothing happens if we
 * are not root, or the folder is root's. For the whole process, before files are made and threads started.
 * Return: 0, -errno (the diag says what).
 */
int owner_become(const char *path, Diag *diag);
