/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The store to its own files: store.c opens and adds; store-list.c finds, store-room.c retains. */

#include "report/index.h"
#include "report/store.h"

#include <pthread.h>

struct ReportStore {
        pthread_mutex_t lock; /* protects all that follows but `log`'s reading */
        RecordLog *log;
        bool writer;
        bool thin;
        int lock_fd;     /* held by the writer as long as it lives */
        DayIndex **days; /* sorted, oldest first */
        size_t n_days, size_days;
};

void report_store_lock(ReportStore *s);
void report_store_unlock(ReportStore *s);
void report_store_drop_day(ReportStore *s, size_t at);
