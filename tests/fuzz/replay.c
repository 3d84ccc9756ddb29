/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What fuzzers have found, once more: fuzz-x CORPUS.tar.gz
 *
 * In a build that is none for fuzzers, each harness has this main instead of libFuzzer's. It gives it every
 * file of the archive, so that the inputs that went furthest are tried with each compiler and sanitizer, and
 * count for the coverage.
 */

#include <archive.h>
#include <archive_entry.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* In memory of its own: a byte too far is seen. */
static void try_one(struct archive *a, size_t n)
{
        uint8_t *data = malloc(n ? n : 1);

        if (!data || archive_read_data(a, data, n) != (la_ssize_t)n)
                abort();
        LLVMFuzzerTestOneInput(data, n);
        free(data);
}

int main(int argc, char **argv)
{
        struct archive *a = archive_read_new();
        struct archive_entry *entry;
        unsigned n = 0;
        int r;

        archive_read_support_filter_gzip(a);
        archive_read_support_format_tar(a);
        if (argc != 2 || archive_read_open_filename(a, argv[1], 65536)) {
                fprintf(stderr, "%s: %s\n", argc == 2 ? argv[1] : "usage: fuzz-x CORPUS.tar.gz",
                        argc == 2 ? archive_error_string(a) : "an archive of inputs");
                return 2;
        }
        while ((r = archive_read_next_header(a, &entry)) == ARCHIVE_OK) {
                fprintf(stderr, "%s\n", archive_entry_pathname(entry));
                try_one(a, (size_t)archive_entry_size(entry));
                n++;
        }
        archive_read_free(a);
        printf("%u inputs\n", n);
        return r != ARCHIVE_EOF || n == 0;
}
