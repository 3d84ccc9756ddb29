/* SPDX-License-Identifier: Apache-2.0 */

/* Everything that is read back from the store: its disk may be damaged, or another's. The first byte says
 * what. */

#include "base/arena.h"
#include "engine/space/journal.h"
#include "engine/space/space-records.h"
#include "queue/record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
        _cleanup_(arena_freep) Arena *a = arena_new(0);
        union {
                Row row;
                Head head;
                Person person;
                Cloud cloud;
                Intent intent;
                Container container;
                JournalEntry journal;
                Hold hold;
                ObjectKey key;
                const Object *object;
                const char *text;
        } u;

        if (n < 1)
                return 0;
        data++;
        n--;
        switch (data[-1] % 11) {
        case 0:
                row_unpack(a, data, n, &u.row);
                break;
        case 1:
                format_unpack(a, data, n, &u.text);
                break;
        case 2:
                head_unpack(a, data, n, &u.head);
                break;
        case 3:
                import_unpack(a, data, n, &u.object);
                break;
        case 4:
                person_unpack(a, data, n, &u.person);
                break;
        case 5:
                cloud_unpack(a, data, n, &u.cloud);
                break;
        case 6:
                intent_unpack(a, data, n, &u.intent);
                break;
        case 7:
                container_unpack(a, data, n, &u.container);
                break;
        case 8:
                journal_unpack(a, data, n, &u.journal);
                break;
        case 9:
                hold_unpack(a, data, n, &u.hold);
                break;
        default:
                object_key_unpack(data, n, &u.key);
        }
        return 0;
}
