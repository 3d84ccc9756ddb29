/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Person: who runs this command, and why
 *
 * For the audit log. What a service is asked over its socket is asked by the user at the other end, whom the
 * kernel names; these are for what a command does by itself. The texts live as long as the process. Set once,
 * before any thread is started.
 */

/* The name of the user that this process belonged to when it was first asked. */
const char *person_name(void);

/* `sosync --reason TEXT COMMAND`; NULL: not said. */
void person_set_reason(const char *text);
const char *person_reason(void);
