/* SPDX-License-Identifier: Apache-2.0 */

#include "app/service/notify.h"

void notify_ready(void)
{
}

void notify_stopping(int64_t us)
{
}

void notify_beat(bool ready)
{
}
