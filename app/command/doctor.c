/* SPDX-License-Identifier: Apache-2.0 */

#include "app/doctor/doctor.h"
#include "app/command/options.h"
#include "base/str.h"

/* Long enough to see a night's job; somebody who wants more runs the service in staging. */
#define FEEDS_MAX_S 86400

int command_doctor(const Command *command, const char *config_path, int argc, char **argv)
{
        int64_t feeds_s = 0;
        bool json = false;
        const Option options[] = {
                { "feeds", .number = &feeds_s, .min = 1, .max = FEEDS_MAX_S },
                { "json", .flag = &json },
                { NULL },
        };
        Doctor doctor;
        Str out;
        int status = options_read_all(command, options, argc, argv);

        if (status)
                return status;
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
