/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Gulp: a layer of liblber's that takes from a socket whatever has come
 *
 *      libldap  <- a head, a body, a head, ...   (TLS: the same of its records)
 *      Gulp     <- 32 kB at once
 *      socket
 *
 * Without it each message costs a poll and two reads, and each record of TLS two more; a directory that is
 * read whole sends a hundred thousand. liblber has such a layer (ber_sockbuf_io_readahead), but that one
 * waits in read() for the rest of a message of which it holds the beginning, where nobody bounds the wait.
 * This one reads only when it is empty, and then as much as is there: it waits where the socket would have
 * waited.
 *
 * What it holds it says to libldap (LBER_SB_OPT_DATA_READY), which then does not poll.
 */

#include <lber.h>

/* Above the socket, below all else. It goes with the Sockbuf. */
void gulp_add(Sockbuf *sb);
