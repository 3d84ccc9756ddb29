/* SPDX-License-Identifier: Apache-2.0 */

#include "queue/bus-internal.h"

#include "base/error.h"
#include "base/secret.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define TIMEOUT_MS 5000

/* Between two tries of the whole list of servers. */
#define RECONNECT_MS 250

/* The server's own answers to questions about what is not there: its numbers are in nats/status.h. */
int bus_error(natsStatus s, jsErrCode code)
{
        if (s == NATS_OK)
                return 0;
        switch ((int)code) {
        case JSStreamNotFoundErr:
        case JSNoMessageFoundErr:
        case JSConsumerNotFoundErr:
                return BUS_E_NONE;
        case JSStreamWrongLastSequenceErr:
                return BUS_E_TAKEN;
        case 0:
        case JSClusterNotAvailErr:
        case JSClusterNoPeersErr:
        case JSClusterNotLeaderErr:
        case JSNotEnabledErr: /* a server that has just started says so too */
                break;
        default:
                return BUS_E_REFUSED;
        }
        switch (s) {
        case NATS_NOT_FOUND:
                return BUS_E_NONE;
        case NATS_MAX_PAYLOAD:
        case NATS_CONNECTION_AUTH_FAILED:
        case NATS_NOT_PERMITTED:
        case NATS_INVALID_ARG:
                return BUS_E_REFUSED;
        default:
                return BUS_E_DOWN;
        }
}

/* The library's own words for what happened last in this thread, else the name of the status. */
static const char *reason(natsStatus s)
{
        natsStatus last = NATS_OK;
        const char *text = nats_GetLastError(&last), *end;

        if (last != s || !text || !text[0])
                return natsStatus_GetText(s);
        /* "(conn.c:733): " is for whoever writes that library. */
        end = text[0] == '(' ? strstr(text, "): ") : NULL;
        return end ? end + 3 : text;
}

static void on_reconnected(natsConnection *connection, void *context)
{
        Bus *b = context;

        (void)connection;
        atomic_fetch_add(&b->n_connected, 1);
}

/* The library keeps a copy, for when it connects again. */
static natsStatus set_password(natsOptions *o, const BusOptions *options, Diag *diag)
{
        Secret secret = { 0 };
        natsStatus s;

        if (secret_read(options->password_file, &secret, diag))
                return NATS_INVALID_ARG;
        s = natsOptions_SetUserInfo(o, options->user, secret.data);
        secret_wipe(&secret);
        return s;
}

static natsStatus set_security(natsOptions *o, const BusOptions *options, Diag *diag)
{
        natsStatus s = NATS_OK;

        if (options->credentials)
                s = natsOptions_SetUserCredentialsFromFiles(o, options->credentials, NULL);
        if (s == NATS_OK && options->nkey)
                s = natsOptions_SetNKeyFromSeed(o, options->nkey, options->nkey_file);
        if (s == NATS_OK && options->user)
                s = set_password(o, options, diag);
        if (s == NATS_OK && (options->ca || options->certificate))
                s = natsOptions_SetSecure(o, true);
        if (s == NATS_OK && options->ca)
                s = natsOptions_LoadCATrustedCertificates(o, options->ca);
        if (s == NATS_OK && options->certificate)
                s = natsOptions_LoadCertificatesChain(o, options->certificate, options->key);
        return s;
}

static natsStatus set_options(natsOptions *o, Bus *b, const BusOptions *options, Diag *diag)
{
        /* libnats does not write to them. */
        const char **urls = (const char **)(uintptr_t)options->urls;
        natsStatus s = natsOptions_SetServers(o, urls, (int)options->n_urls);

        if (s == NATS_OK && options->name)
                s = natsOptions_SetName(o, options->name);
        if (s == NATS_OK)
                s = natsOptions_SetTimeout(o, b->timeout_ms);
        if (s == NATS_OK)
                s = natsOptions_SetMaxReconnect(o, INT_MAX);
        if (s == NATS_OK)
                s = natsOptions_SetReconnectWait(o, RECONNECT_MS);
        if (s == NATS_OK)
                s = natsOptions_SetReconnectJitter(o, RECONNECT_MS / 4, RECONNECT_MS / 4);
        /* The servers are those of the configuration, with the names by which they are verified. */
        if (s == NATS_OK)
                s = natsOptions_SetIgnoreDiscoveredServers(o, true);
        /* What cannot be sent now is an error now: who asked knows better when to ask again. */
        if (s == NATS_OK)
                s = natsOptions_SetReconnectBufSize(o, 1);
        if (s == NATS_OK)
                s = natsOptions_SetFailRequestsOnDisconnect(o, true);
        /* A server that is gone without a word is noticed after four seconds. */
        if (s == NATS_OK)
                s = natsOptions_SetPingInterval(o, 2000);
        if (s == NATS_OK)
                s = natsOptions_SetMaxPingsOut(o, 1);
        if (s == NATS_OK)
                s = natsOptions_SetSendAsap(o, true);
        if (s == NATS_OK)
                s = natsOptions_SetReconnectedCB(o, on_reconnected, b);
        return s == NATS_OK ? set_security(o, options, diag) : s;
}

/* Where to look. A server that wants a certificate hangs up when TLS stands (1.3 asks for it last), and says
 * nothing. */
static const char *hint(const char *why, const BusOptions *options)
{
        bool has_hung_up = strstr(why, "PONG") || strstr(why, "SSL_write") || strstr(why, "SSL_read");

        if (strstr(why, "Authorization"))
                return "; who we are is in state.jetstream: credentials_file, nkey or user";
        if (!has_hung_up)
                return "";
        return options->certificate ? "; the server has hung up: does it know the authority of "
                                      "tls.cert_file?"
                                    : "; the server has hung up: does it want a certificate (tls.cert_file)?";
}

static int open_bus(Bus *b, const BusOptions *options, Diag *diag)
{
        natsOptions *o = NULL;
        jsOptions js;
        natsStatus s = natsOptions_Create(&o);

        if (s == NATS_OK)
                s = set_options(o, b, options, diag);
        if (s == NATS_OK)
                s = natsConnection_Connect(&b->connection, o);
        if (s == NATS_OK)
                s = jsOptions_Init(&js);
        if (s == NATS_OK) {
                js.Wait = b->timeout_ms;
                s = natsConnection_JetStream(&b->js, b->connection, &js);
        }
        natsOptions_Destroy(o);
        if (s == NATS_OK)
                return 0;
        if (!diag_any(diag))
                diag_set(diag, "%s%s: %s%s", options->urls[0],
                         options->n_urls > 1 ? " and the others of the list" : "", reason(s),
                         hint(reason(s), options));
        return bus_error(s, 0);
}

/**
 * bus_new() - connect
 *
 * Return: 0, BUS_E_DOWN, BUS_E_REFUSED.
 */
int bus_new(Bus **ret_bus, const BusOptions *options, Diag *diag)
{
        _cleanup_(bus_freep) Bus *b = calloc(1, sizeof(*b));
        int r;

        if (!b)
                error_oom(sizeof(*b));
        b->replicas = options->replicas > 0 ? options->replicas : 1;
        b->timeout_ms = options->timeout_ms > 0 ? options->timeout_ms : TIMEOUT_MS;
        r = open_bus(b, options, diag);
        if (r)
                return r;
        *ret_bus = TAKE(b);
        return 0;
}

Bus *bus_free(Bus *b)
{
        if (!b)
                return NULL;
        jsCtx_Destroy(b->js);
        natsConnection_Destroy(b->connection);
        free(b);
        return NULL;
}

bool bus_is_up(Bus *b)
{
        return natsConnection_Status(b->connection) == NATS_CONN_STATUS_CONNECTED;
}

uint64_t bus_times_connected(Bus *b)
{
        return atomic_load(&b->n_connected);
}

size_t bus_payload_max(Bus *b)
{
        int64_t n = natsConnection_GetMaxPayload(b->connection);

        return n > 0 ? (size_t)n : 0;
}

const char *bus_server(Bus *b, char *buf, size_t n)
{
        if (!bus_is_up(b) || natsConnection_GetConnectedUrl(b->connection, buf, n) != NATS_OK)
                buf[0] = '\0';
        return buf;
}

static int make_stream(Bus *b, const char *stream, const char *subject, Diag *diag)
{
        jsStreamInfo *info = NULL;
        const char *subjects[] = { subject };
        jsStreamConfig config;
        jsErrCode code = 0;
        natsStatus s;
        int r;

        jsStreamConfig_Init(&config);
        config.Name = stream;
        config.Subjects = subjects;
        config.SubjectsLen = 1;
        config.Storage = js_FileStorage;
        config.Retention = js_LimitsPolicy;
        config.Replicas = b->replicas;
        s = js_AddStream(&info, b->js, &config, NULL, &code);
        jsStreamInfo_Destroy(info);
        /* Another node was quicker. */
        if (s != NATS_OK && code == JSStreamNameExistErr)
                return 0;
        r = bus_error(s, code);
        if (r)
                diag_set(diag, "stream %s: %s", stream, reason(s));
        return r == BUS_E_NONE ? BUS_E_DOWN : r;
}

int bus_stream(Bus *b, const char *stream, const char *subject, Diag *diag)
{
        BusStream have;
        int r = bus_stream_look(b, stream, &have);

        if (r == BUS_E_DOWN)
                diag_set(diag, "JetStream does not answer");
        return r == BUS_E_NONE ? make_stream(b, stream, subject, diag) : r;
}

int bus_stream_look(Bus *b, const char *stream, BusStream *ret_stream)
{
        jsStreamInfo *info = NULL;
        jsErrCode code = 0;
        natsStatus s = js_GetStreamInfo(&info, b->js, stream, NULL, &code);

        if (s == NATS_OK)
                *ret_stream = (BusStream){
                        .first = info->State.FirstSeq,
                        .last = info->State.LastSeq,
                        .n_bytes = info->State.Bytes,
                        .replicas = (int)info->Config->Replicas,
                };
        jsStreamInfo_Destroy(info);
        return bus_error(s, code);
}

int bus_stream_trim(Bus *b, const char *stream, uint64_t first)
{
        jsErrCode code = 0;
        jsOptions o;

        jsOptions_Init(&o);
        o.Wait = b->timeout_ms;
        o.Stream.Purge.Sequence = first;
        return bus_error(js_PurgeStream(b->js, stream, &o, &code), code);
}

int bus_stream_delete(Bus *b, const char *stream)
{
        jsErrCode code = 0;

        return bus_error(js_DeleteStream(b->js, stream, NULL, &code), code);
}

/**
 * bus_publish() - a message into the stream of its subject
 *
 * Return: 0, BUS_E_DOWN, BUS_E_REFUSED.
 */
int bus_publish(Bus *b, const char *subject, const char *id, const void *data, size_t n, Diag *diag)
{
        jsPubOptions options;
        jsPubAck *ack = NULL;
        jsErrCode code = 0;
        natsStatus s;
        int r;

        if (n > INT_MAX)
                return BUS_E_REFUSED;
        jsPubOptions_Init(&options);
        options.MaxWait = b->timeout_ms;
        options.MsgId = id;
        s = js_Publish(&ack, b->js, subject, data, (int)n, &options, &code);
        jsPubAck_Destroy(ack);
        r = bus_error(s, code);
        if (r)
                diag_set(diag, "%s: %s", subject, reason(s));
        return r == BUS_E_NONE ? BUS_E_DOWN : r;
}
