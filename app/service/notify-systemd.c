/* SPDX-License-Identifier: Apache-2.0 */

#include "app/service/notify.h"

#include <inttypes.h>
#include <systemd/sd-daemon.h>

void notify_ready(void)
{
        sd_notify(0, "READY=1");
}

/* To be given up by ourselves, with a line, is better than to be killed. */
#define GRACE_US ((int64_t)5 * 1000000)

void notify_stopping(int64_t us)
{
        sd_notifyf(0, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRId64, us + GRACE_US);
}

void notify_beat(bool ready)
{
        sd_notify(0, ready ? "WATCHDOG=1" : "EXTEND_TIMEOUT_USEC=60000000");
}
