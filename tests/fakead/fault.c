/* SPDX-License-Identifier: Apache-2.0 */

/* How a controller fails, or means harm. */

#include "tests/fakead/fakead.h"

#include <event2/buffer.h>
#include <ldap.h>
#include <sys/socket.h>

static void flood(struct bufferevent *bev, void *context)
{
        Client *c = context;

        for (int i = 0; c->endless && i < 100; i++) {
                BerElement *ber = wire_entry_begin(c->endless, "CN=again,OU=Corp," BASE_DN);

                wire_value(ber, "objectGUID", c->face->id, 16);
                wire_entry_end(c, ber);
        }
}

bool answer_fault(Client *c, Fault *fault, int id, ber_tag_t op)
{
        static const uint8_t oversized[] = { 0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x02, 0x01, 0x01 };
        static const uint8_t garbage[] = { 0xff, 0x00, 0xde, 0xad, 0xbe, 0xef,
                                           0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
        const uint8_t half[] = { 0x30, 0x20, 0x02, 0x01, (uint8_t)id, 0x64, 0x1b };
        const uint8_t nested[] = { 0x30, 0x10, 0x02, 0x01, (uint8_t)id, 0x64, 0x7f, 0x04, 0x7e,
                                   'x',  0x30, 0x7f, 0x30, 0x7f,        0x31, 0x7f, 0x04, 0x7f };

        if (fault->left == 0)
                return false;
        if (fault->after) {
                fault->after--;
                return false;
        }
        fault->left -= fault->left > 0;
        switch (fault->kind) {
        case FAULT_CODE:
                wire_done(c, id, op, fault->code, fault->text, NULL, NULL, 0);
                break;
        case FAULT_CLOSE:
                client_close(c);
                break;
        case FAULT_NOTICE:
                wire_notice(c, fault->text);
                bufferevent_flush(c->bev, EV_WRITE, BEV_FINISHED);
                break;
        case FAULT_REFERRAL:
                wire_reference(c, id, "ldap://elsewhere.test/DC=elsewhere,DC=test");
                wire_done(c, id, op, LDAP_REFERRAL, "0000202B: RefErr: DSID-03100781, data 0", NULL, NULL, 0);
                break;
        case FAULT_OVERSIZED:
                wire_raw(c, oversized, sizeof(oversized));
                break;
        case FAULT_TRUNCATED:
                wire_raw(c, half, sizeof(half));
                bufferevent_disable(c->bev, EV_READ);
                bufferevent_setcb(c->bev, NULL, NULL, NULL, c);
                shutdown(bufferevent_getfd(c->bev), SHUT_RD);
                c->endless = 0;
                evbuffer_write(bufferevent_get_output(c->bev), bufferevent_getfd(c->bev));
                client_close(c);
                break;
        case FAULT_WRONG_ID:
                wire_done(c, id + 1000, op, 0, NULL, NULL, NULL, 0);
                break;
        case FAULT_ENDLESS:
                c->endless = id;
                bufferevent_setcb(c->bev, wire_read, flood, NULL, c);
                flood(c->bev, c);
                break;
        case FAULT_GARBAGE:
                wire_raw(c, garbage, sizeof(garbage));
                break;
        case FAULT_NESTED:
                wire_raw(c, nested, sizeof(nested));
                break;
        case FAULT_COOKIE:
                wire_done(c, id, op, 0, NULL, DIRSYNC, "\x30\x7f\x02\x01\x01", 5);
                break;
        case FAULT_EMPTY:
                wire_done(c, id, op, 0, NULL, PAGED, "\x30\x06\x02\x01\x00\x04\x01p", 8);
                break;
        default:
                break; /* silence */
        }
        return true;
}
