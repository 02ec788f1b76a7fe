/*
 * net/server.c: the life of a server and of its connections. A connection's task closes its stream
 * when serve has returned; the server ends when the last of those has.
 */
#include "net/server.h"
#include "net/address.h"
#include "net/path.h"
#include "net/stream.h"
#include "sched/current.h"
#include "sys/socket.h"
#include "sys/file.h"
#include "sys/report.h"

enum { DEFAULT_BACKLOG = 100, MAX_MESSAGE = 320 };

/* Until the next try, where the kernel has no descriptor. It does not report a free one. */
static const int64_t PAUSE_NS = 50000000;

struct connection {
    struct link link; /* in the server's list */
    struct async_server *server;
    async_stream *stream; /* NULL: the program has closed it */
    async_task *task;     /* borrowed: it does not end while this is in the list */
};

/* ---- connections ---------------------------------------------------------------------------- */

static void wake_waiters_at_end(struct async_server *server)
{
    if (server->closed && server->connection_count == 0)
        asyncp_wake_all(&server->waiters, 0);
}

static void end_connection(struct connection *connection)
{
    struct async_server *server = connection->server;
    list_remove(&connection->link);
    async_stream_close(connection->stream);
    memory_free(&server->loop->memory, connection, sizeof *connection);
    server->connection_count--;
    asyncp_server_accept(server); /* there may be room and a descriptor */
    wake_waiters_at_end(server);
}

/* A failed TLS handshake is most often the peer's fault: only debug mode reports it. */
static void report_handshake(const struct connection *connection, int error)
{
    char peer[ADDRESS_TEXT] = "", why[MAX_MESSAGE];
    if (!loop_is_debug(connection->server->loop) || error == -ECANCELED)
        return;
    bool is_known = async_stream_peer(connection->stream, peer, sizeof peer) > 0;
    async_strerror_copy(error, why, sizeof why);
    asyncp_report("'%s' is not served to %s: %s", connection->server->function.name,
                  is_known ? peer : "a peer", why);
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
 * A disconnecting client is no failure of this program. The same error of another stream may be
 * one: of a connection to a database, for example.
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
    int handshake = tls != NULL ? async_start_tls(connection->stream, tls, NULL) : 0, result = 0;
    if (handshake < 0)
        report_handshake(connection, handshake);
    else
        result = server->serve(connection->stream, server->argument);
    excuse_disconnect(connection, result);
    end_connection(connection);
    return result;
}

static int enter_serve_connection(void *arguments)
{
    return serve_connection(*(struct connection **)arguments);
}

/* TLS may need more of a task's stack than the program's part. */
static size_t connection_stack_size(const struct async_server *server)
{
    const struct async_tls *tls = server->options.tls;
    size_t size = server->options.stack_size, min_size = tls != NULL ? tls->stack_size : 0;
    size_t given = size != 0 ? size : asyncp_default_stack_size(server->loop);
    return given < min_size ? min_size : size;
}

/* Takes the socket. 0 or -ENOMEM. */
static int serve_socket(struct async_server *server, int fd, int domain)
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
    const async_task_options options = {.stack_size = connection_stack_size(server)};
    connection->task = asyncp_create(&server->function, &connection, &options,
                                     server->function.where);
    async_task_detach(connection->task);
    if (connection->task != NULL)
        return 0;
    end_connection(connection);
    return -ENOMEM;
}

/* ---- accepting ------------------------------------------------------------------------------ */

static struct async_server *server_of(const struct listener *listener)
{
    return CONTAINER_OF(listener, const struct server_listener, listener)->server;
}

/* The timer is always set, mostly to TIME_NEVER, so a pause needs no memory. */
static int set_pause(struct async_server *server, int64_t until_ns)
{
    server->paused = until_ns != TIME_NEVER;
    asyncp_timer_clear(server->loop, &server->pause);
    return asyncp_timer_set(server->loop, &server->pause, until_ns);
}

static void change_pause(struct async_server *server, int64_t until_ns)
{
    int result = set_pause(server, until_ns); /* its place in the heap has just become free */
    ASSERT(result == 0);
    (void)result;
}

void asyncp_server_accept(struct async_server *server)
{
    if (server->closed)
        return;
    if (server->paused)
        change_pause(server, TIME_NEVER);
    for (size_t i = 0; i < server->listener_count; i++)
        asyncp_listener_put_off(&server->listeners[i].listener);
}

static void expire_pause(struct timer *timer)
{
    struct async_server *server = CONTAINER_OF(timer, struct async_server, pause);
    asyncp_server_accept(server);
}

static bool wants_connection(const struct listener *listener)
{
    const struct async_server *server = server_of(listener);
    size_t max = server->options.max_connections;
    return server->serving && !server->paused && !server->closed &&
           (max == 0 || server->connection_count < max);
}

static int serve_accepted(struct listener *listener, int fd, int domain)
{
    struct async_server *server = server_of(listener);
    server->was_refused = false;
    return serve_socket(server, fd, domain);
}

static bool is_shortage(int error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}

/* The descriptor is no listening socket any more. */
static bool is_final(int error)
{
    return error == -EBADF || error == -ENOTSOCK || error == -EINVAL || error == -EOPNOTSUPP;
}

/*
 * A filter of system calls that forbids accept forbids the next one, too, so it is reported once.
 */
static void handle_accept_error(struct listener *listener, int error)
{
    struct async_server *server = server_of(listener);
    char why[MAX_MESSAGE];
    if (is_final(error)) {
        asyncp_report_error(server->loop, NULL, error,
                            "a server cannot accept any more, and is closed");
        async_server_close(server);
        return;
    }
    if (!is_shortage(error) && !asyncp_sys_is_transient_accept_error(error) &&
        !server->was_refused) {
        server->was_refused = true;
        asyncp_report_error(server->loop, NULL, error,
                            "a server is not allowed to accept; it tries again");
    }
    if (server->paused)
        return;
    asyncp_error_describe(why, sizeof why, error, NULL);
    if (loop_is_debug(server->loop))
        asyncp_report("'%s' cannot accept for now (%s)", server->function.name, why);
    change_pause(server, asyncp_now(server->loop) + PAUSE_NS);
}

int asyncp_server_reserve(struct async_server *server, size_t count)
{
    ASSERT(server->listeners == NULL && count > 0);
    server->listeners = memory_new(&server->loop->memory, count * sizeof *server->listeners);
    server->listener_capacity = server->listeners != NULL ? count : 0;
    return server->listeners != NULL ? 0 : -ENOMEM;
}

int asyncp_server_listen(struct async_server *server, int fd)
{
    ASSERT(server->listener_count < server->listener_capacity);
    struct server_listener *added = &server->listeners[server->listener_count];
    *added = (struct server_listener){.listener = {.wants = wants_connection,
                                                   .accepted = serve_accepted,
                                                   .failed = handle_accept_error},
                                      .server = server};
    int result = asyncp_listener_open(&added->listener, server->loop, fd, server->options.backlog);
    server->listener_count += result == 0;
    return result;
}

void asyncp_server_set_path(struct async_server *server, struct socket_path *path)
{
    server->path = path;
}

/* In a child of fork(), the parent still listens at the path. */
static void close_listeners(struct async_server *server)
{
    bool keeps_path = server->options.keep_path || loop_is_inherited(server->loop);
    asyncp_timer_clear(server->loop, &server->pause);
    if (server->path != NULL)
        asyncp_path_release(server->loop, server->path, keeps_path);
    server->path = NULL;
    for (size_t i = 0; i < server->listener_count; i++)
        asyncp_listener_close(&server->listeners[i].listener);
    server->listener_count = 0;
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
static void drop_inherited_connections(struct async_server *server)
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

static void free_server(struct async_server *server)
{
    if (loop_is_inherited(server->loop))
        drop_inherited_connections(server);
    ASSERT(server->connection_count == 0 && list_empty(&server->waiters));
    close_listeners(server);
    list_remove(&server->close_hook.link);
    memory_free(&server->loop->memory, server->listeners,
                server->listener_capacity * sizeof *server->listeners);
    memory_free(&server->loop->memory, server, sizeof *server);
}

static void close_server_with_loop(struct close_hook *hook)
{
    struct async_server *server = CONTAINER_OF(hook, struct async_server, close_hook);
    if (loop_is_debug(server->loop) && !loop_is_inherited(server->loop))
        asyncp_report("the server of '%s' was not freed before its loop", server->function.name);
    server->closed = true;
    free_server(server);
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
    server->options.more_hosts = NULL; /* these two are borrowed for the call only */
    server->options.service = NULL;
    if (server->options.backlog == 0)
        server->options.backlog = DEFAULT_BACKLOG;
    server->serving = !server->options.paused;
    server->close_hook.on_close = close_server_with_loop;
    timer_init(&server->pause, expire_pause);
    if (set_pause(server, TIME_NEVER) < 0) {
        memory_free(&loop->memory, server, sizeof *server);
        return NULL;
    }
    loop_add_close_hook(loop, &server->close_hook);
    return server;
}

void async_server_start_serving(async_server *server)
{
    server_check(server, "async_server_start_serving");
    server->serving = true;
    asyncp_server_accept(server);
}

void async_server_close(async_server *server)
{
    ENSURE(server != NULL, "async_server_close: the server is NULL");
    struct async_loop *before = release_begin(server->loop, "async_server_close", "the server");
    if (!server->closed) {
        close_listeners(server);
        server->closed = true;
        asyncp_wake_all(&server->forever_waiters, 0);
        wake_waiters_at_end(server);
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

struct serve_wait {
    struct wait wait;
    struct waiter waiter;
    struct async_server *server;
};

/* Closes the server now: when the task runs, the server may have been freed. */
static void cancel_serve_wait(struct wait *wait)
{
    struct async_server *server = CONTAINER_OF(wait, struct serve_wait, wait)->server;
    asyncp_cancel_wait(wait);
    async_server_close(server);
}

int async_server_serve_forever(async_server *server)
{
    struct serve_wait waiting = {.server = server};
    struct async_loop *loop = loop_enter("async_server_serve_forever");
    server_check(server, "async_server_serve_forever");
    if (loop_running(loop)->cancel_pending) {
        async_server_close(server);
        return asyncp_fail_cancelled(loop);
    }
    if (server->closed)
        return paced(loop, PACE_STEP, 0);
    async_server_start_serving(server);
    wait_init(&waiting.wait, "async_server_serve_forever", server, cancel_serve_wait);
    wait_on(&waiting.wait, &waiting.waiter, &server->forever_waiters);
    return asyncp_park(loop, &waiting.wait);
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
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    check_not_served(server, "async_server_wait_closed");
    if (server->closed && server->connection_count == 0)
        return paced(loop, PACE_STEP, 0);
    return asyncp_wait_in_list(loop, &server->waiters, "async_server_wait_closed", server,
                               asyncp_cancel_wait);
}

/* Cannot be cancelled. */
static void wait_for_connections(struct async_server *server)
{
    static const char call[] = "async_server_free_wait";
    int result = asyncp_wait_in_list(loop_enter(call), &server->waiters, call, server, NULL);
    ASSERT(result == 0);
    (void)result;
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
        wait_for_connections(server);
    free_server(server);
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
        fds[i] = listener_fd(&server->listeners[i].listener);
    return server->listener_count;
}

int async_server_port(const async_server *server)
{
    ENSURE(server != NULL, "async_server_port: the server is NULL");
    if (server->listener_count == 0)
        return 0;
    int port = asyncp_socket_port(listener_fd(&server->listeners[0].listener));
    return port > 0 ? port : 0;
}

const async_server_options *asyncp_server_options(const struct async_server *server)
{
    return &server->options;
}

const char *asyncp_server_name(const struct async_server *server)
{
    return server->function.name;
}
