/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FeedPsearch: changes of a 389 Directory Server that has no content synchronization
 *
 *      persistent search (draft-ietf-ldapext-psearch-03) ---- rings ---.
 *      beat: root DSE, lastusn ---------------------------- has moved --+--> look: (entryusn>=H)
 *
 * The bell carries no number to go on from, so it is only a bell; the letter is entryusn, which the plugin
 * USN gives to every entry that changes. That is FeedUsn (feed-usn.h has looks, window, positions, catch-up)
 * with other words: lastusn;BACKEND of the root DSE counts, for each database alone; the numbers begin with
 * 0, and H is lastusn + 1, the number of the next change; a deleted entry is a tombstone with its own number,
 * which few accounts but the Directory Manager may see. An account that may not is told nothing of deletes,
 * and nothing is concluded from that.
 *
 * It is refused, with one line, where the plugin USN is off, where it cannot be known which of several
 * databases is the base's, and where the account may not search by entryusn: such an account is answered
 * with nothing, as if nothing had changed.
 */

#include "listener/feed.h"

extern const FeedOps feed_psearch_ops;
