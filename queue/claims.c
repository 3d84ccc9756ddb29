/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/claims.h"

#include "base/error.h"

#include <stdlib.h>

typedef struct Claim {
        KeyNode node;
        ObjectId id;
} Claim;

void claims_init(Claims *c)
{
        pthread_mutex_init(&c->lock, NULL);
        keymap_init(&c->map);
}

void claims_deinit(Claims *c)
{
        for (KeyNode *i = keymap_next(&c->map, NULL); i; i = keymap_next(&c->map, NULL)) {
                keymap_remove(&c->map, i);
                free(keymap_entry(i, Claim, node));
        }
        keymap_deinit(&c->map);
        pthread_mutex_destroy(&c->lock);
}

bool claims_take(Claims *c, const ObjectId *id)
{
        bool free_yet;

        pthread_mutex_lock(&c->lock);
        free_yet = !keymap_find(&c->map, id->bytes, sizeof(id->bytes));
        if (free_yet) {
                Claim *claim = calloc(1, sizeof(*claim));

                if (!claim)
                        error_oom(sizeof(*claim));
                claim->id = *id;
                keymap_add(&c->map, &claim->node, claim->id.bytes, sizeof(claim->id.bytes));
        }
        pthread_mutex_unlock(&c->lock);
        return free_yet;
}

void claims_release(Claims *c, const ObjectId *id)
{
        KeyNode *node;

        pthread_mutex_lock(&c->lock);
        node = keymap_find(&c->map, id->bytes, sizeof(id->bytes));
        if (node) {
                keymap_remove(&c->map, node);
                free(keymap_entry(node, Claim, node));
        }
        pthread_mutex_unlock(&c->lock);
}
