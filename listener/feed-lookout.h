/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FeedLookout: the urgent attributes of a controller that the feed is not on
 *
 *      DC without the feed --(uSNChanged>=H+1), a few attributes, stamps--> sink: is it urgent?
 *
 * Replication from another site takes minutes to hours; who is to be locked out there should not have to wait
 * for it (source.urgent_on: all-dcs). A lookout is a feed by uSNChanged that asks for the attributes of the
 * urgency rules only, and for their stamps. It promises less than a feed: it begins now, keeps no position,
 * and what it misses while its controller is away comes by replication, as everything does. Groups are left
 * out: their members are links, and a link has no stamp that could be compared.
 *
 * It is none of the registry: `feed:` cannot name it. app/flow/lookout.h has one for each controller.
 */

#include "listener/feed-usn.h"

extern const FeedOps feed_lookout_ops;
