/* SPDX-License-Identifier: Apache-2.0 */

/* A job asked for over the control socket, and the helpers of every connection. */

#include "app/control/private.h"
#include "app/job/jobs.h"

#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <string.h>
#include <sys/socket.h>

/* How often a command hears of progress, and how soon we notice that it has gone. */
#define NEWS_EVERY_US 100000

const char *connection_user(const Connection *c, char *buf, size_t size)
{
        struct passwd entry, *found = NULL;
        char data[4096];

        if (getpwuid_r(c->uid, &entry, data, sizeof(data), &found) || !found)
                snprintf(buf, size, "uid %u", (unsigned)c->uid);
        else
                snprintf(buf, size, "%s", found->pw_name);
        return buf;
}

bool control_write(int fd, const char *data, size_t n)
{
        while (n) {
                ssize_t w = send(fd, data, n, MSG_NOSIGNAL);

                if (w < 0 && errno == EINTR)
                        continue;
                if (w <= 0)
                        return false;
                data += w;
                n -= (size_t)w;
        }
        return true;
}

bool connection_say(Connection *c, json_t *line)
{
        char *text = json_dumps(line, JSON_COMPACT);
        bool ok = text && control_write(c->fd, text, strlen(text)) && control_write(c->fd, "\n", 1);

        free(text);
        json_decref(line);
        return ok;
}

/* The other end has been closed, of a socket or of a pipe: what poll says unasked. */
static bool is_hung_up(int fd)
{
        struct pollfd fds = { .fd = fd };

        return poll(&fds, 1, 0) > 0;
}

bool connection_is_gone(const Connection *c)
{
        return is_hung_up(c->fd);
}

bool control_is_ending(const Control *control)
{
        return is_hung_up(control->wake[0]);
}

static json_t *progress_line(const JobProgress *p)
{
        return json_pack("{s:{s:s, s:I, s:I}}", "progress", "phase", p->phase, "done", (json_int_t)p->done,
                         "total", (json_int_t)p->total);
}

static json_t *last_line(const Job *job, int r)
{
        const char *why = job_why(job);

        if (r == 0)
                return json_pack("{s:b, s:O?, s:i}", "ok", 1, "result", job->result, "exit", job->status);
        /* Who still hears it has not gone away himself; what it was doing just then is not why. */
        return answer_error(job_exit_status(r), r == JOB_E_CANCELLED ? "cancelled: the service is stopping"
                                                : *why               ? why
                                                                     : queue_why(r));
}

json_t *answer_job(Connection *c, json_t *request)
{
        const char *kind = json_string_value(json_object_get(request, "kind"));
        json_t *arguments = json_object_get(request, "arguments"), *last;
        JobProgress progress;
        uint64_t seen = 0;
        char name[256];
        int result = 0, r;
        Job *job;

        if (!kind || !json_is_object(arguments))
                return answer_error(2, "job: \"kind\" or \"arguments\" is missing");
        if (!c->control->wiring->jobs)
                return answer_error(1, "the service is just starting or stopping");
        r = jobs_submit(c->control->wiring->jobs, kind, arguments, connection_user(c, name, sizeof(name)),
                        &job);
        if (r)
                return answer_error(job_exit_status(r), r == JOB_E_FULL ? "too many jobs wait already"
                                                                        : "there is no job of that kind");
        while (!job_follow(job, &seen, NEWS_EVERY_US, &progress, &result)) {
                if (connection_is_gone(c) || (seen && !connection_say(c, progress_line(&progress)))) {
                        job_release(job);
                        return answer_error(1, "the command went away; its job was told to end");
                }
                if (control_is_ending(c->control))
                        job_cancel(job);
        }
        last = last_line(job, result);
        job_release(job);
        return last;
}
