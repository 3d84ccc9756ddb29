/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/backup.h"
#include "app/job/kinds.h"

#include <string.h>

static bool show(void *context, uint64_t done, uint64_t total)
{
        job_progress(context, "copying bytes", done, total);
        return job_is_cancelled(context);
}

static int work(Job *job, Diag *diag)
{
        const char *folder = json_string_value(json_object_get(job->arguments, "folder"));
        uint64_t bytes = 0;
        int r;

        if (!folder || folder[0] != '/') {
                diag_set(diag, "backup: \"folder\" is not an absolute path");
                return JOB_E_USAGE;
        }
        r = queue_lmdb_backup(job->wiring->queue, folder, show, job, &bytes, diag);
        if (r == QUEUE_E_CLOSED) {
                diag_set(diag, "%s: the backup was cancelled; nothing is left of it", folder);
                return JOB_E_CANCELLED;
        }
        if (r)
                return JOB_E_FAILED;
        job->result = json_pack("{s:s, s:I}", "folder", folder, "bytes", (json_int_t)bytes);
        return 0;
}

const JobKind job_backup = { .name = "backup", .work = work };
