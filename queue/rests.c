/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/rests.h"

#include "base/error.h"

#include <stdlib.h>
#include <string.h>

typedef struct Rest {
        KeyNode node;
        List link;
        uint8_t key[OBJECT_KEY_SIZE];
        Wall until;
} Rest;

void rests_init(Rests *r)
{
        keymap_init(&r->until);
        list_init(&r->line);
}

static void forget(Rests *r, Rest *rest)
{
        keymap_remove(&r->until, &rest->node);
        list_remove(&rest->link);
        free(rest);
}

void rests_deinit(Rests *r)
{
        while (!list_is_empty(&r->line))
                forget(r, list_entry(list_first(&r->line), Rest, link));
        keymap_deinit(&r->until);
}

static Rest *find(const Rests *r, const uint8_t key[OBJECT_KEY_SIZE])
{
        KeyNode *node = keymap_find(&r->until, key, OBJECT_KEY_SIZE);

        return node ? keymap_entry(node, Rest, node) : NULL;
}

/* Rests have different lengths, so the one in front need not be the first to end: it goes, or to the back. */
static void sweep(Rests *r, Wall now)
{
        for (unsigned i = 0; i < 2 && !list_is_empty(&r->line); i++) {
                Rest *first = list_entry(list_first(&r->line), Rest, link);

                if (first->until.ms <= now.ms) {
                        forget(r, first);
                } else {
                        list_remove(&first->link);
                        list_push(&r->line, &first->link);
                }
        }
}

/**
 * rests_set() - an object rests until then
 */
void rests_set(Rests *r, const uint8_t key[OBJECT_KEY_SIZE], Wall until, Wall now)
{
        Rest *rest;

        sweep(r, now);
        rest = find(r, key);
        if (until.ms <= now.ms) {
                if (rest)
                        forget(r, rest);
                return;
        }
        if (!rest) {
                rest = calloc(1, sizeof(*rest));
                if (!rest)
                        error_oom(sizeof(*rest));
                memcpy(rest->key, key, sizeof(rest->key));
                keymap_add(&r->until, &rest->node, rest->key, sizeof(rest->key));
                list_push(&r->line, &rest->link);
        }
        rest->until = until;
}

Wall rests_of(const Rests *r, const uint8_t key[OBJECT_KEY_SIZE], Wall now)
{
        const Rest *rest = find(r, key);

        /* A clock that was set back meanwhile makes no rest longer. */
        return rest && rests_are_believed(rest->until, now) ? rest->until : (Wall){ 0 };
}
