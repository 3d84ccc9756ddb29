/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Nats: a real nats-server of the test's own, on a free port of the loopback
 *
 * Started once per program, with its store in a folder of its own; it goes with the program, however that
 * ends. Its logs of the cluster have a name per place, so that tests do not see each other's.
 */

#include <stdbool.h>

/* False: there is no nats-server on this machine. Fails the test when there is one and it does not start. */
bool nats_start(void);
const char *nats_url(void); /* nats://127.0.0.1:PORT */
void nats_stop(void);
