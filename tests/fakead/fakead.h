/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FakeAd: a domain controller that does what a test tells it to
 *
 *      test --JSON lines on standard input--> faces --LDAP on unix sockets--> sosync (ldapi, bind external)
 *
 * For what Samba does not do: DirSync in pages, `member` empty beside `member;range=`, five notifications a
 * connection, cookies that are refused, codes with AD's DSID texts, a Notice of Disconnection, referrals,
 * read-only controllers, and servers that mean harm. A face is a controller of its own (invocationId, USN,
 * objects); several faces are one domain that replicates when the test says so. One thread, one event loop.
 *
 * The objects are those of MS-ADTS as far as sosync looks: GUID, DN, attributes with the USN of their last
 * change. Everything else is not checked: a fake that checked its client would be a second server to trust.
 */

#include <event2/bufferevent.h>
#include <event2/listener.h>
#include <jansson.h>
#include <lber.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

typedef struct Attribute Attribute;
typedef struct Client Client;
typedef struct Face Face;
typedef struct Fault Fault;
typedef struct Filter Filter;
typedef struct Request Request;
typedef struct Thing Thing;

#define BASE_DN   "DC=fake,DC=test"
#define FACES_MAX 4

/* Controls. */
#define DIRSYNC "1.2.840.113556.1.4.841"
#define PAGED   "1.2.840.113556.1.4.319"

typedef enum OpKind {
        OP_BIND,
        OP_ROOT,    /* the root DSE */
        OP_NOTIFY,  /* change notification */
        OP_DIRSYNC, /* DirSync */
        OP_READ,    /* one object */
        OP_SEARCH,  /* many, paged */
        _OP_N,
} OpKind;

typedef enum FaultKind {
        FAULT_CODE,      /* `code` and `text` instead of an answer */
        FAULT_SILENT,    /* no answer at all */
        FAULT_CLOSE,     /* the connection ends */
        FAULT_NOTICE,    /* Notice of Disconnection (RFC 4511 4.4.1), then it ends */
        FAULT_REFERRAL,  /* a reference beside the answer, and a referral as its end */
        FAULT_OVERSIZED, /* a message that says it is 2 GiB */
        FAULT_TRUNCATED, /* half a message, then the connection ends */
        FAULT_WRONG_ID,  /* the answer to another question */
        FAULT_ENDLESS,   /* entries without end */
        FAULT_GARBAGE,   /* bytes that are no BER */
        FAULT_NESTED,    /* a message of lengths inside lengths that do not fit */
        FAULT_COOKIE,    /* DirSync, paging: a control whose value is not what it should be */
        FAULT_EMPTY,     /* paging: no entry, and one more page */
        _FAULT_N,
} FaultKind;

struct Fault {
        int left;  /* so many times; 0: not at all */
        int after; /* ... when so many have gone well */
        FaultKind kind;
        int code;
        char text[256];
};

struct Attribute {
        char *name;
        char **values;
        size_t *sizes;
        size_t n;
        bool is_link; /* values are GUIDs */
        uint64_t usn;
        /* The stamp (replPropertyMetaData): how often it was changed, when and where last. */
        uint32_t version;
        uint64_t time;
        uint8_t origin[16];
};

struct Thing {
        uint8_t guid[16];
        char *dn;
        bool deleted;
        uint64_t usn;
        time_t created, changed; /* at this controller */
        Attribute *attributes;
        size_t n_attributes;
};

struct Face {
        char name;
        uint8_t id[16]; /* invocationId */
        char host[64];
        uint64_t usn;
        Thing **things;
        size_t n_things, size_things;
        struct evconnlistener *listener;
        Face *as; /* who answers on new connections here: a load balancer lies. NULL: itself */
        Fault faults[_OP_N];
        size_t page, range; /* objects of a DirSync page; values of an attribute; 0: without limit */
        bool read_only;
        unsigned churn;  /* before so many more reads of a range it has lost its last value; 0: it does not */
        char listed[64]; /* name of the server in the directory's list of controllers; "": it is not there */
        unsigned n_requests[_OP_N], n_clients, n_objects; /* objects: read by GUID */
};

#define NOTIFY_MAX 5

struct Client {
        Client *next;
        Face *face;
        struct bufferevent *bev;
        int notify[NOTIFY_MAX];
        size_t n_notify;
        int endless; /* message id that never ends; 0: none */
};

struct Request {
        Client *client;
        OpKind kind;
        int id;
        const char *base;
        int scope;
        Filter *filter;
        char **attributes;
        size_t n_attributes;
        bool extended_dn, show_deleted;
        /* DirSync, paging */
        const uint8_t *cookie;
        size_t n_cookie, page;
};

extern Face *faces[FACES_MAX];
extern Client *clients;

/* wire.c: messages. */
void wire_read(struct bufferevent *bev, void *client);
void wire_done(Client *c, int id, ber_tag_t op, int code, const char *text, const char *control,
               const void *value, size_t n);
void wire_notice(Client *c, const char *text);
void wire_raw(Client *c, const void *data, size_t n);
BerElement *wire_entry_begin(int id, const char *dn);
void wire_value(BerElement *ber, const char *name, const void *data, size_t n);
void wire_attribute(BerElement *ber, const char *name, char *const *values, const size_t *sizes, size_t n);
void wire_entry_end(Client *c, BerElement *ber);
void wire_reference(Client *c, int id, const char *uri);
void client_close(Client *c);

/* filter.c */
Filter *filter_read(BerElement *ber);
bool filter_holds(const Filter *f, const Thing *t);
bool filter_holds_name(const Filter *f, const char *name, const char *value);
Filter *filter_free(Filter *f);

/* store.c */
Thing *store_find(const Face *f, const uint8_t guid[16]);
Thing *store_find_dn(const Face *f, const char *dn);
Thing *store_add(Face *f, const uint8_t guid[16]);
void store_copy(Face *to, const Face *from);
const Attribute *thing_get(const Thing *t, const char *name);
void thing_set(Thing *t, const char *name, json_t *values, uint64_t usn);
void thing_stamp(Thing *t, const char *name, const Face *origin); /* it was changed here, now */
void guid_text(const uint8_t guid[16], char text[37]);
bool guid_read(const char *text, uint8_t ret_guid[16]);
void sort_by_usn(Thing **things, size_t n);

/* entry.c: an object as an answer. */
void entry_put(const Request *r, const Thing *t,
               uint64_t since); /* only attributes that changed after this */
void entry_put_number(BerElement *ber, const char *name, uint64_t number);

/* "member;range=5-9" asks for "member", 5 to 9 (last may be SIZE_MAX for *). */
bool entry_asks_for(const char *asked, const char *name, size_t *ret_first, size_t *ret_last);

/* The number of an attribute (msDS-IntId); userAccountControl has the one that all forests know. */
uint32_t entry_number_of(const char *name);

/* about.c: the answers of the server about itself, each whole. */
void about_root(Request *r);
void about_domain(Request *r);
void about_settings(Request *r);
void about_controllers(Request *r);
void about_server(Request *r);
void about_schema(Request *r);

/* answer.c */
void answer(Request *r);
void answer_done(Request *r, int code, const char *text); /* the end of a search; text may be NULL */
void answer_notify(Face *f, const Thing *t);

/* fault.c. True: it has been answered, in its way. */
bool answer_fault(Client *c, Fault *fault, int id, ber_tag_t op);
