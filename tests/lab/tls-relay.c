/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A wire with TLS that begins anew: takes connections with TLS, passes their bytes on to a server without,
 * and asks its clients for another handshake when told to
 *
 *      client ==TLS== relay ---- HOST:PORT or the path of a Unix socket
 *
 *      tls-relay 1.2|1.3 CERTIFICATE KEY SERVER        says {"port": N} on standard output
 *
 * Commands are lines on standard input; each is answered by one line, the counters:
 *
 *      ask             every open connection: a HelloRequest (TLS 1.2), a KeyUpdate that wants another (1.3)
 *      hang            the same, and then not a byte is read or written on these connections any more
 *      other CERT KEY  from now on the handshakes are made with this certificate: of somebody else
 *      look
 *
 * `accepted`: handshakes of new connections; `asked`; `again`: handshakes, or new keys of the client, that
 * came of asking; `open`. It ends with its standard input. A thread for each connection; what they share is
 * counters.
 */

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/list.h"

enum {
        MESSAGE_FINISHED = 20, /* RFC 5246 section 7.4 */
        MESSAGE_KEY_UPDATE = 24,
};

typedef struct Relay {
        SSL_CTX *ctx;
        const char *server;
        int listener;
        atomic_uint accepted, asked, again, open;
        pthread_mutex_t lock; /* connections, cert, key */
        List connections;
        char cert[4096], key[4096]; /* of the handshakes to come */
} Relay;

typedef struct Connection {
        List link;
        Relay *relay;
        int client, server;
        int orders; /* eventfd: 1 ask, 2 hang */
        SSL *ssl;
        unsigned n_finished; /* messages of the client that end a handshake */
        char out[16384];     /* on its way to the client */
        size_t n_out;
} Connection;

static void die(const char *what)
{
        fprintf(stderr, "tls-relay: %s: %s\n", what, errno ? strerror(errno) : "");
        ERR_print_errors_fp(stderr);
        exit(1);
}

/* -- the two sides --------------------------------------------------------------------------------------- */

static int connect_to(const char *server)
{
        const char *colon = strrchr(server, ':');
        struct sockaddr_un local = { .sun_family = AF_UNIX };
        struct addrinfo *found = NULL;
        char host[256];
        int fd = -1;

        if (server[0] == '/') {
                fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                snprintf(local.sun_path, sizeof(local.sun_path), "%s", server);
                if (fd >= 0 && connect(fd, (struct sockaddr *)&local, sizeof(local)) < 0) {
                        close(fd);
                        fd = -1;
                }
                return fd;
        }
        if (!colon)
                return -1;
        snprintf(host, sizeof(host), "%.*s", (int)(colon - server), server);
        if (getaddrinfo(host, colon + 1, &(struct addrinfo){ .ai_socktype = SOCK_STREAM }, &found))
                return -1;
        fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) < 0) {
                close(fd);
                fd = -1;
        }
        freeaddrinfo(found);
        return fd;
}

static bool send_all(int fd, const char *data, size_t n)
{
        while (n > 0) {
                ssize_t sent = send(fd, data, n, MSG_NOSIGNAL);

                if (sent <= 0)
                        return false;
                data += sent;
                n -= (size_t)sent;
        }
        return true;
}

static bool is_only_waiting(SSL *ssl, int r, short *events)
{
        int error = SSL_get_error(ssl, r);

        if (error == SSL_ERROR_WANT_WRITE)
                *events |= POLLOUT;
        return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* Everything that the client has sent. */
static bool pass_in(Connection *c, short *events)
{
        char data[16384];

        for (;;) {
                int n = SSL_read(c->ssl, data, sizeof(data));

                if (n <= 0)
                        return is_only_waiting(c->ssl, n, events);
                if (!send_all(c->server, data, (size_t)n))
                        return false;
        }
}

/* What the server has sent: one piece at a time. */
static bool pass_out(Connection *c, bool is_readable, short *events)
{
        if (c->n_out == 0 && is_readable) {
                ssize_t n = recv(c->server, c->out, sizeof(c->out), MSG_DONTWAIT);

                if (n == 0 || (n < 0 && errno != EAGAIN))
                        return false;
                c->n_out = n > 0 ? (size_t)n : 0;
        }
        if (c->n_out) {
                int n = SSL_write(c->ssl, c->out, (int)c->n_out);

                if (n <= 0)
                        return is_only_waiting(c->ssl, n, events);
                c->n_out = 0;
        }
        return true;
}

/* -- another handshake ----------------------------------------------------------------------------------- */

static void on_message(int is_sent, int version, int type, const void *data, size_t n, SSL *ssl,
                       void *context)
{
        Connection *c = context;
        int message = n ? *(const uint8_t *)data : 0;

        (void)version;
        (void)ssl;
        if (is_sent || type != SSL3_RT_HANDSHAKE)
                return;
        if (message == MESSAGE_KEY_UPDATE || (message == MESSAGE_FINISHED && c->n_finished++ > 0))
                atomic_fetch_add(&c->relay->again, 1);
}

static void use_certificate(Connection *c)
{
        pthread_mutex_lock(&c->relay->lock);
        if (SSL_use_certificate_file(c->ssl, c->relay->cert, SSL_FILETYPE_PEM) != 1 ||
            SSL_use_PrivateKey_file(c->ssl, c->relay->key, SSL_FILETYPE_PEM) != 1)
                die(c->relay->cert);
        pthread_mutex_unlock(&c->relay->lock);
}

static void ask(Connection *c)
{
        int r;

        use_certificate(c);
        r = SSL_version(c->ssl) >= TLS1_3_VERSION ? SSL_key_update(c->ssl, SSL_KEY_UPDATE_REQUESTED)
                                                  : SSL_renegotiate(c->ssl);

        if (r == 1)
                SSL_do_handshake(c->ssl);
        atomic_fetch_add(&c->relay->asked, 1);
}

/* False: from now on nothing is done with this connection until the client ends it. */
static bool obey(Connection *c)
{
        uint64_t order = 0;

        if (read(c->orders, &order, sizeof(order)) != sizeof(order))
                return true;
        ask(c);
        return order < 2;
}

static void wait_for_the_end(Connection *c)
{
        struct pollfd gone = { .fd = c->client, .events = POLLRDHUP };

        while (poll(&gone, 1, -1) < 0 && errno == EINTR)
                ;
}

/* -- connections ----------------------------------------------------------------------------------------- */

static void serve(Connection *c)
{
        short client = POLLIN;

        for (;;) {
                struct pollfd fds[] = {
                        { .fd = c->client, .events = client },
                        { .fd = c->server, .events = c->n_out ? 0 : POLLIN },
                        { .fd = c->orders, .events = POLLIN },
                };

                if (poll(fds, 3, -1) < 0)
                        return;
                client = POLLIN;
                if (!pass_in(c, &client) || !pass_out(c, fds[1].revents, &client))
                        return;
                if (fds[2].revents && !obey(c)) {
                        wait_for_the_end(c);
                        return;
                }
        }
}

static void *connection_thread(void *context)
{
        Connection *c = context;

        c->ssl = SSL_new(c->relay->ctx);
        c->server = connect_to(c->relay->server);
        if (c->ssl && c->server >= 0) {
                use_certificate(c);
                SSL_set_fd(c->ssl, c->client);
                SSL_set_msg_callback(c->ssl, on_message);
                SSL_set_msg_callback_arg(c->ssl, c);
                if (SSL_accept(c->ssl) == 1) {
                        atomic_fetch_add(&c->relay->accepted, 1);
                        fcntl(c->client, F_SETFL, O_NONBLOCK);
                        serve(c);
                }
        }
        pthread_mutex_lock(&c->relay->lock);
        list_remove(&c->link);
        pthread_mutex_unlock(&c->relay->lock);
        SSL_free(c->ssl);
        close(c->client);
        close(c->orders);
        if (c->server >= 0)
                close(c->server);
        atomic_fetch_sub(&c->relay->open, 1);
        free(c);
        return NULL;
}

static void *accept_thread(void *context)
{
        Relay *relay = context;

        for (;;) {
                int fd = accept4(relay->listener, NULL, NULL, SOCK_CLOEXEC);
                Connection *c = fd < 0 ? NULL : calloc(1, sizeof(*c));
                pthread_t thread;

                if (!c)
                        continue;
                c->relay = relay;
                c->client = fd;
                c->server = -1;
                c->orders = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
                atomic_fetch_add(&relay->open, 1);
                pthread_mutex_lock(&relay->lock);
                list_push(&relay->connections, &c->link);
                pthread_mutex_unlock(&relay->lock);
                if (pthread_create(&thread, NULL, connection_thread, c))
                        die("thread");
                pthread_detach(thread);
        }
        return NULL;
}

/* -- commands -------------------------------------------------------------------------------------------- */

static void order_all(Relay *relay, uint64_t order)
{
        pthread_mutex_lock(&relay->lock);
        list_for_each (i, &relay->connections) {
                Connection *c = list_entry(i, Connection, link);

                if (write(c->orders, &order, sizeof(order)) != sizeof(order))
                        die("order");
        }
        pthread_mutex_unlock(&relay->lock);
}

static void command(Relay *relay, const char *line)
{
        if (strcmp(line, "ask\n") == 0)
                order_all(relay, 1);
        else if (strcmp(line, "hang\n") == 0)
                order_all(relay, 2);
        pthread_mutex_lock(&relay->lock);
        sscanf(line, "other %4095s %4095s", relay->cert, relay->key);
        pthread_mutex_unlock(&relay->lock);
        printf("{\"accepted\": %u, \"asked\": %u, \"again\": %u, \"open\": %u}\n", relay->accepted,
               relay->asked, relay->again, relay->open);
        fflush(stdout);
}

int main(int argc, char **argv)
{
        static Relay relay = { .lock = PTHREAD_MUTEX_INITIALIZER };
        struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n = sizeof(address);
        char line[8400];
        pthread_t thread;
        int version;

        if (argc != 5) {
                fprintf(stderr, "tls-relay 1.2|1.3 CERTIFICATE KEY SERVER\n");
                return 2;
        }
        signal(SIGPIPE, SIG_IGN);
        version = strcmp(argv[1], "1.3") == 0 ? TLS1_3_VERSION : TLS1_2_VERSION;
        list_init(&relay.connections);
        relay.server = argv[4];
        relay.ctx = SSL_CTX_new(TLS_server_method());
        SSL_CTX_set_min_proto_version(relay.ctx, version);
        SSL_CTX_set_max_proto_version(relay.ctx, version);
        SSL_CTX_set_session_cache_mode(relay.ctx, SSL_SESS_CACHE_OFF);
        snprintf(relay.cert, sizeof(relay.cert), "%s", argv[2]);
        snprintf(relay.key, sizeof(relay.key), "%s", argv[3]);
        relay.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (relay.listener < 0 || bind(relay.listener, (struct sockaddr *)&address, n) ||
            listen(relay.listener, 64) || getsockname(relay.listener, (struct sockaddr *)&address, &n) ||
            pthread_create(&thread, NULL, accept_thread, &relay))
                die("listen");
        printf("{\"port\": %u}\n", ntohs(address.sin_port));
        fflush(stdout);
        while (fgets(line, sizeof(line), stdin))
                command(&relay, line);
        return 0;
}
