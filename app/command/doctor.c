/* SPDX-License-Identifier: Apache-2.0 */

#include "app/doctor/doctor.h"
#include "app/command/command.h"
#include "base/str.h"

#include <getopt.h>

/* Long enough to see a night's job; somebody who wants more runs the service in staging. */
#define FEEDS_MAX_S 86400

int command_doctor(const Command *command, const char *config_path, int argc, char **argv)
{
        static const struct option options[] = {
                { "feeds", required_argument, NULL, 'f' },
                { "json", no_argument, NULL, 'j' },
                { NULL, 0, NULL, 0 },
        };
        int64_t feeds_s = 0;
        bool json = false;
        Doctor doctor;
        int k, status;
        Str out;

        optind = 0;
        argv--; /* getopt looks behind the first */
        argc++;
        while ((k = getopt_long(argc, argv, "", options, NULL)) != -1)
                if (k == 'j')
                        json = true;
                else if (k != 'f')
                        return command_usage(command);
                else if (!str_to_int64(optarg, &feeds_s) || feeds_s < 1 || feeds_s > FEEDS_MAX_S)
                        return command_fail(EXIT_USAGE,
                                            "--feeds: \"%s\" is no number of seconds from 1 to %d", optarg,
                                            FEEDS_MAX_S);
        if (optind < argc)
                return command_usage(command);
        doctor_init(&doctor, config_path, &clock_system, (unsigned)feeds_s);
        doctor_run(&doctor);
        str_init(&out, SIZE_MAX);
        if (json)
                doctor_print_json(&doctor, &out);
        else
                doctor_print_text(&doctor, command_columns(), command_colour(), &out);
        fputs(out.data, stdout);
        str_deinit(&out);
        status = doctor_status(&doctor);
        doctor_deinit(&doctor);
        return status;
}
