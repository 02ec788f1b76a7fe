/*
 * net/server.c: a server's life, and that of its connections. A connection's task closes its stream
 * when serve has returned; the server ends when the last of those has.
 */
#include "net/server.h"
#include "sched/fork.h"
#include "sched/pace.h"
#include "net/address.h"
#include "net/stream.h"
#include <string.h>

enum { DEFAULT_BACKLOG = 100, WHY_BYTES = 320 };

struct connection {
    struct link link;            /* in the server's list */
    struct async_server *server; /* whose it is */
    async_stream *stream;        /* to be closed when it ends; NULL: the program has */
    async_task *task; /* that serves it, borrowed: it has not ended while this is in the list */
};

/* ---- connections ---------------------------------------------------------------------------- */

static void tell_end(struct async_server *server)
{
    if (server->closed && server->connection_count == 0)
        asyncp_wake_all(&server->waiters, 0);
}

static void forget(struct connection *connection)
{
    struct async_server *server = connection->server;
    list_remove(&connection->link);
    async_stream_close(connection->stream);
    memory_free(&server->loop->memory, connection, sizeof *connection);
    server->connection_count--;
    asyncp_server_accept_again(server); /* there is room, and a descriptor */
    tell_end(server);
}

/* Strangers who cannot shake hands come by every day: that is no failure of this program. */
static void tell_refusal(const struct connection *connection, int error)
{
    char peer[ADDRESS_TEXT] = "", why[WHY_BYTES];
    if (!loop_is_debug(connection->server->loop) || error == -ECANCELED)
        return;
    async_ignore(async_stream_peer(connection->stream, peer, sizeof peer));
    async_strerror_copy(error, why, sizeof why);
    asyncp_report("'%s' is not served to %s: %s", connection->server->function.name,
                  peer[0] != 0 ? peer : "a peer", why);
}

bool async_is_disconnect(int error)
{
    switch (error) {
    case -ECONNRESET:
    case -EPIPE:
    case -ECONNABORTED:
    case -ENODATA:
    case -ETIMEDOUT:
    case -EHOSTUNREACH:
    case -ENETUNREACH:
        return true;
    default:
        return false;
    }
}

/*
 * Clients that go are no failure of this program. The same error of another stream, a database's
 * say, may be one.
 */
static void excuse_disconnect(const struct connection *connection, int error)
{
    const struct async_stream *stream = connection->stream;
    if (!async_is_disconnect(error) || stream == NULL || loop_is_debug(connection->server->loop))
        return;
    if (asyncp_stream_failed_with(stream, error))
        connection->task->seen = true;
}

static int serve_connection(struct connection *connection)
{
    const struct async_server *server = connection->server;
    struct async_tls *tls = server->options.tls;
    int refused = tls != NULL ? async_start_tls(connection->stream, tls, NULL) : 0, result = 0;
    if (refused < 0)
        tell_refusal(connection, refused);
    else
        result = server->serve(connection->stream, server->argument);
    excuse_disconnect(connection, result);
    forget(connection);
    return result;
}

static int enter_serve_connection(void *arguments)
{
    return serve_connection(*(struct connection **)arguments);
}

/* TLS may need more of a task's stack than the program's part. */
static size_t stack_size_of(const struct async_server *server)
{
    const struct async_tls *tls = server->options.tls;
    size_t size = server->options.stack_size, least = tls != NULL ? tls->stack_size : 0;
    return (size != 0 ? size : (size_t)1 << server->loop->tasks.default_log) < least ? least : size;
}

int asyncp_server_connect(struct async_server *server, int fd, int domain)
{
    struct connection *connection = memory_new(&server->loop->memory, sizeof *connection);
    if (connection == NULL ||
        asyncp_stream_make(server->loop, &connection->stream, fd, domain) < 0) {
        memory_free(&server->loop->memory, connection, sizeof *connection);
        asyncp_sys_close(fd);
        return -ENOMEM;
    }
    asyncp_stream_link(connection->stream, &connection->stream);
    connection->server = server;
    list_append(&server->connections, &connection->link);
    server->connection_count++;
    const async_task_options options = {.stack_size = stack_size_of(server)};
    connection->task = asyncp_create(&server->function, &connection, &options,
                                     server->function.where);
    async_task_detach(connection->task);
    if (connection->task != NULL)
        return 0;
    forget(connection);
    return -ENOMEM;
}

/* ---- the server ----------------------------------------------------------------------------- */

static void server_check(const struct async_server *server, const char *call)
{
    ENSURE(server != NULL, "%s: the server is NULL", call);
    if (unlikely(server->loop != asyncp_current))
        asyncp_wrong_loop(server->loop, call, "the server");
}

/*
 * In a child of fork(), where the tasks of the connections never end. Their streams go with the
 * loop.
 */
static void forget_inherited(struct async_server *server)
{
    for (struct link *link; (link = list_first(&server->connections)) != NULL;) {
        struct connection *connection = CONTAINER_OF(link, struct connection, link);
        list_remove(link);
        if (connection->stream != NULL)
            asyncp_stream_unlink(connection->stream);
        memory_free(&server->loop->memory, connection, sizeof *connection);
    }
    server->connection_count = 0;
    asyncp_wake_all(&server->waiters, 0);
}

static void destroy(struct async_server *server)
{
    if (loop_is_inherited(server->loop))
        forget_inherited(server);
    ASSERT(server->connection_count == 0 && list_empty(&server->waiters));
    asyncp_server_stop(server);
    list_remove(&server->guest.link);
    memory_free(&server->loop->memory, server->listeners,
                server->listener_room * sizeof *server->listeners);
    memory_free(&server->loop->memory, server, sizeof *server);
}

static void loop_closes(struct guest *guest)
{
    struct async_server *server = CONTAINER_OF(guest, struct async_server, guest);
    if (loop_is_debug(server->loop) && !loop_is_inherited(server->loop))
        asyncp_report("the server of '%s' was not freed before its loop", server->function.name);
    server->closed = true;
    destroy(server);
}

struct async_server *asyncp_server_make(struct async_loop *loop, async_serve *serve,
                                        const char *name, const char *where, void *argument,
                                        const async_server_options *options)
{
    struct async_server *server = memory_new(&loop->memory, sizeof *server);
    if (server == NULL)
        return NULL;
    server->loop = loop;
    server->serve = serve;
    server->argument = argument;
    server->function = (struct asyncp_function){.enter = enter_serve_connection,
                                                .size = sizeof(struct connection *),
                                                .alignment = _Alignof(struct connection *),
                                                .name = name,
                                                .where = where};
    if (options != NULL)
        server->options = *options;
    server->options.more_hosts = NULL; /* these two were lent for the call */
    server->options.service = NULL;
    if (server->options.backlog == 0)
        server->options.backlog = DEFAULT_BACKLOG;
    server->serving = !server->options.paused;
    server->guest.loop_closes = loop_closes;
    if (asyncp_server_prepare(server) < 0) {
        memory_free(&loop->memory, server, sizeof *server);
        return NULL;
    }
    list_append(&loop->closing.hooks, &server->guest.link);
    return server;
}

void async_server_start_serving(async_server *server)
{
    server_check(server, "async_server_start_serving");
    server->serving = true;
    asyncp_server_accept_again(server);
}

void async_server_close(async_server *server)
{
    ENSURE(server != NULL, "async_server_close: the server is NULL");
    struct async_loop *before = release_begin(server->loop, "async_server_close", "the server");
    if (!server->closed) {
        asyncp_server_stop(server);
        server->closed = true;
        asyncp_wake_all(&server->forever, 0);
        tell_end(server);
    }
    release_end(before);
}

void async_server_close_clients(async_server *server)
{
    server_check(server, "async_server_close_clients");
    LIST_EACH (link, &server->connections) {
        struct connection *connection = CONTAINER_OF(link, struct connection, link);
        if (connection->stream != NULL)
            asyncp_stream_hang_up(connection->stream);
    }
}

void async_server_abort_clients(async_server *server)
{
    server_check(server, "async_server_abort_clients");
    LIST_EACH (link, &server->connections) {
        struct connection *connection = CONTAINER_OF(link, struct connection, link);
        if (connection->stream != NULL)
            async_stream_abort(connection->stream);
    }
}

void async_server_cancel_clients(async_server *server)
{
    server_check(server, "async_server_cancel_clients");
    LIST_EACH (link, &server->connections)
        async_task_cancel(CONTAINER_OF(link, struct connection, link)->task);
}

struct serving {
    struct wait wait;            /* of the task */
    struct waiter waiter;        /* its place among those who wait for the server to be closed */
    struct async_server *server; /* that it is to close */
};

/* At once: by the time the task runs, the server may have been freed. */
static void serve_no_more(struct wait *wait)
{
    struct async_server *server = CONTAINER_OF(wait, struct serving, wait)->server;
    asyncp_refuse_wait(wait);
    async_server_close(server);
}

int async_server_serve_forever(async_server *server)
{
    struct serving serving = {.server = server};
    struct async_loop *loop = loop_enter("async_server_serve_forever");
    server_check(server, "async_server_serve_forever");
    if (loop_running(loop)->refused) {
        async_server_close(server);
        return asyncp_refused(loop);
    }
    if (server->closed)
        return paced(loop, PACE_STEP, 0);
    async_server_start_serving(server);
    wait_init(&serving.wait, "async_server_serve_forever", server, serve_no_more);
    wait_on(&serving.wait, &serving.waiter, &server->forever);
    return asyncp_park(loop, &serving.wait);
}

static void check_not_served(const struct async_server *server, const char *call)
{
    const async_task *self = async_current_task();
    LIST_EACH (link, &server->connections)
        ENSURE(CONTAINER_OF(link, struct connection, link)->task != self,
               "%s was called in a task of the server's own, which would wait for itself", call);
}

int async_server_wait_closed(async_server *server)
{
    struct async_loop *loop = loop_enter("async_server_wait_closed");
    server_check(server, "async_server_wait_closed");
    if (loop_running(loop)->refused)
        return asyncp_refused(loop);
    check_not_served(server, "async_server_wait_closed");
    if (server->closed && server->connection_count == 0)
        return paced(loop, PACE_STEP, 0);
    return asyncp_stand_in_line(loop, &server->waiters, "async_server_wait_closed", server,
                                asyncp_refuse_wait);
}

void async_server_free_wait(async_server *server)
{
    if (server == NULL)
        return;
    struct async_loop *before = release_begin(server->loop, "async_server_free_wait", "the server");
    check_not_served(server, "async_server_free_wait");
    async_server_close(server);
    if (!loop_is_inherited(server->loop))
        async_server_cancel_clients(server);
    if (server->connection_count > 0 && !loop_is_inherited(server->loop))
        async_ignore(asyncp_stand_in_line(loop_enter("async_server_free_wait"), &server->waiters,
                                          "async_server_free_wait", server, NULL));
    destroy(server);
    release_end(before);
}

size_t async_server_connections(const async_server *server)
{
    server_check(server, "async_server_connections");
    return server->connection_count;
}

size_t async_server_fds(const async_server *server, int fds[], size_t capacity)
{
    server_check(server, "async_server_fds");
    ENSURE(fds != NULL || capacity == 0, "async_server_fds: there is no array for %zu", capacity);
    for (size_t i = 0; i < server->listener_count && i < capacity; i++)
        fds[i] = server->listeners[i].pollable.source.fd;
    return server->listener_count;
}
