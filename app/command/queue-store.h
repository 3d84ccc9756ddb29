/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* `sosync queue check|backup|restore`: the store as a file. */

#include "app/config/config.h"

/* `folder` NULL: that of the configuration. Each returns the exit status. */
int command_queue_check(const Config *c, const char *folder, bool json);
int command_queue_backup(const char *config_path, const char *folder, bool json);
int command_queue_restore(const Config *c, const char *copy, bool json);
