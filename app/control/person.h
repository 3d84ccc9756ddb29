/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Person: who runs this command, and why
 *
 * For the audit log. What a service is asked over its socket is asked by the user at the other end, whom the
 * kernel names; these are for what a command does by itself. The texts live as long as the process. Set once,
 * before any thread is started.
 */

#include <jansson.h>

/* The name of the user that this process belonged to when it was first asked. */
const char *person_name(void);

/*
 * Who had logged in before becoming that user (sudo, su), by the kernel's word: /proc/self/loginuid, which is
 * set at the login and kept through all that follows. NULL: nobody else, or nobody has logged in (cron, a
 * service). Not SUDO_UID: anybody can set a variable.
 */
const char *person_login(void);

/* `sosync --reason TEXT COMMAND`; NULL: not said. */
void person_set_reason(const char *text);

/* What the audit log is to know, into a request: "reason", "login". */
void person_sign(json_t *request);
