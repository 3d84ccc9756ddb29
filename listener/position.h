/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Position: where a feed is, bound to what it was made for
 *
 * Servers take a cookie that does not belong to the question without a word (another filter, a flipped
 * version byte), and the changes between the two questions are lost. So what is stored is not the cookie, but
 * the cookie with the feed, base, filter, attributes, flags and bind identity it was got with, and a checksum
 * over all; what does not fit exactly is refused with a reason.
 *
 * The server's identity and its highestCommittedUSN are kept too, but they do not bind: whether a cookie is
 * good at another server, and what a USN that fell means, is for the feed to say.
 *
 * On disk: msgpack (base/pack.h), then 16 bytes of checksum. To change it, raise POSITION_VERSION and keep
 * reading the old.
 */

#include "base/arena.h"
#include "base/diag.h"
#include "base/log.h"
#include "engine/model/value.h"
#include "listener/feed.h"

typedef struct PositionContext PositionContext;
typedef struct PositionMark PositionMark;

enum {
        POSITION_E_BASE_ = 2280, /* within ERROR_BASE_FEED */

        POSITION_E_CORRUPT, /* checksum or form */
        POSITION_E_FOREIGN, /* made for another question; the diag says what differs */
};

#define POSITION_VERSION 1

struct PositionContext {
        const char *feed;
        const char *base;
        const char *filter;
        const char *const *attributes; /* in any order and case */
        size_t n_attributes;
        uint32_t flags;
        uint32_t flags_free;  /* of these, bits that may differ: the mark says what they were */
        const char *identity; /* who is bound */
};

struct PositionMark {
        ObjectId server; /* invocationId */
        uint64_t usn;    /* highestCommittedUSN of that server, read before the look */
        uint32_t flags;
        bool catch_up; /* in the middle of one */
        const uint8_t *cookie;
        size_t n_cookie;
};

Position position_make(Arena *a, const PositionContext *c, const PositionMark *m);

/* Return: 0, POSITION_E_CORRUPT, POSITION_E_FOREIGN. The cookie points into the position. */
int position_read(const Position *p, const PositionContext *c, Arena *a, PositionMark *ret_mark, Diag *diag);

/*
 * What a feed begins with: the same, and a cookie of n_min to n_max bytes. Return: false: it is refused, the
 * log has the reason, and the feed catches up.
 */
bool position_take(const Position *p, const PositionContext *c, size_t n_min, size_t n_max, Arena *a,
                   const Log *log, PositionMark *ret_mark);
