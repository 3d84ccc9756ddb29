/* SPDX-License-Identifier: Apache-2.0 */

#include "app/service/notify.h"

#include <systemd/sd-daemon.h>

void notify_ready(void)
{
        sd_notify(0, "READY=1");
}

void notify_stopping(void)
{
        sd_notify(0, "STOPPING=1");
}

void notify_beat(bool ready)
{
        sd_notify(0, ready ? "WATCHDOG=1" : "EXTEND_TIMEOUT_USEC=60000000");
}
