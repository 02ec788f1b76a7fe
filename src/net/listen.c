/*
 * net/listen.c: the listening half of a server: accepting on the loop's own stack, up to the
 * backlog at a time, for as long as there are descriptors, memory and room for another connection.
 */
#include "base/text.h"
#include "net/path.h"
#include "net/server.h"
#include "sys/socket.h"

/*
 * Connections in a row that came to nothing before the server pauses: the errors may not come from
 * connections.
 */
enum { MAX_SKIPPED = 1000, WHY_BYTES = 80 };
static const int64_t PAUSE_NS =
    50000000; /* until there may be descriptors again, if nobody says so */

static bool is_full(const struct async_server *server)
{
    return server->options.max_connections != 0 &&
           server->connection_count >= server->options.max_connections;
}

static bool is_shortage(int error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}

/* The descriptor is not a socket that listens, or not any more. */
static bool is_final(int error)
{
    return error == -EBADF || error == -ENOTSOCK || error == -EINVAL || error == -EOPNOTSUPP;
}

/*
 * The timer is set for as long as the server listens, mostly to never, so that no memory is needed
 * to pause.
 */
static int set_pause(struct async_server *server, int64_t until_ns)
{
    server->paused = until_ns != TIME_NEVER;
    asyncp_timer_clear(server->loop, &server->pause);
    return asyncp_timer_set(server->loop, &server->pause, until_ns);
}

static void end_pause(struct timer *timer)
{
    struct async_server *server = CONTAINER_OF(timer, struct async_server, pause);
    async_ignore(set_pause(server, TIME_NEVER)); /* in the place that was its own */
    asyncp_server_accept_again(server);
}

int asyncp_server_prepare(struct async_server *server)
{
    timer_init(&server->pause, end_pause);
    return set_pause(server, TIME_NEVER);
}

/*
 * The kernel says nothing when there are descriptors again; a connection that ends does, and else a
 * while must do.
 */
static void pause_for(struct async_server *server, int error)
{
    char why[WHY_BYTES];
    server->skipped = 0;
    if (server->paused)
        return;
    asyncp_describe(why, sizeof why, error, NULL);
    if (loop_is_debug(server->loop))
        asyncp_report("'%s' cannot accept for now (%s)", server->function.name, why);
    async_ignore(set_pause(server, asyncp_now(server->loop) + PAUSE_NS));
}

/*
 * An error that is none of a connection's, told once: a filter that forbids the call forbids the
 * next one, too.
 */
static void stop_or_pause(struct async_server *server, int error)
{
    if (is_final(error)) {
        asyncp_tell(server->loop, NULL, error, "a server cannot accept any more, and is closed");
        async_server_close(server);
        return;
    }
    if (!is_shortage(error) && !asyncp_sys_is_peers_failure(error) && !server->refused) {
        server->refused = true;
        asyncp_tell(server->loop, NULL, error, "a server is not allowed to accept; it tries again");
    }
    pause_for(server, error);
}

/* One connection, or what stands in its way: whether to go on. */
static bool accept_one(struct listener *listener)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    struct async_server *server = listener->server;
    int result = asyncp_sys_accept(listener->pollable.source.fd, (struct sockaddr *)&peer, &size);
    if (result >= 0)
        server->refused = false;
    if (result >= 0 || result == -EAGAIN)
        server->skipped = 0;
    if (result >= 0)
        result = asyncp_server_connect(server, result, peer.ss_family);
    if (result >= 0 || (asyncp_sys_is_peers_failure(result) && ++server->skipped < MAX_SKIPPED))
        return true;
    if (result == -EAGAIN)
        pollable_drained(&listener->pollable, SIDE_READ);
    else
        stop_or_pause(server, result);
    return false;
}

static void accept_some(struct listener *listener)
{
    const struct async_server *server = listener->server;
    for (int i = 0; i < server->options.backlog; i++) {
        if (!server->serving || server->paused || is_full(server) ||
            !pollable_is_ready(&listener->pollable, SIDE_READ) || !accept_one(listener))
            return;
    }
    asyncp_server_accept_again(listener->server); /* after those have had their turn */
}

static void changed(struct pollable *pollable)
{
    if (pollable_is_ready(pollable, SIDE_READ))
        accept_some(CONTAINER_OF(pollable, struct listener, pollable));
}

static void run_again(struct deferred *deferred)
{
    struct async_server *server = CONTAINER_OF(deferred, struct async_server, again);
    server->accepts_again = false;
    for (size_t i = 0; i < server->listener_count; i++)
        accept_some(&server->listeners[i]);
}

void asyncp_server_accept_again(struct async_server *server)
{
    if (server->accepts_again || server->closed)
        return;
    if (server->paused)
        async_ignore(set_pause(server, TIME_NEVER));
    server->accepts_again = true;
    server->again.run = run_again;
    list_append(&server->loop->closing.deferred, &server->again.link);
}

int asyncp_server_make_room(struct async_server *server, size_t count)
{
    ASSERT(server->listeners == NULL && count > 0);
    server->listeners = memory_new(&server->loop->memory, count * sizeof *server->listeners);
    server->listener_room = server->listeners != NULL ? count : 0;
    return server->listeners != NULL ? 0 : -ENOMEM;
}

int asyncp_server_listen(struct async_server *server, int fd, struct socket_path *path)
{
    ASSERT(server->listener_count < server->listener_room);
    struct listener *listener = &server->listeners[server->listener_count];
    int result = asyncp_pollable_open(server->loop, &listener->pollable, fd, changed);
    if (result < 0)
        return result;
    listener->server = server;
    listener->path = path;
    server->listener_count++;
    server->loop->poller.in_flight++;
    return 0;
}

void asyncp_server_stop(struct async_server *server)
{
    if (server->accepts_again)
        list_remove(&server->again.link);
    server->accepts_again = false;
    asyncp_timer_clear(server->loop, &server->pause);
    for (size_t i = 0; i < server->listener_count; i++) {
        struct listener *listener = &server->listeners[i];
        bool keeps = server->options.keep_path ||
                     loop_is_inherited(server->loop); /* there the parent still listens */
        if (listener->path != NULL)
            asyncp_path_release(server->loop, listener->path, keeps);
        server->loop->poller.in_flight--;
        asyncp_pollable_close(server->loop, &listener->pollable, -EBADF);
    }
    server->listener_count = 0;
}
