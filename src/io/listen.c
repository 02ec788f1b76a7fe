/*
 * io/listen.c: the listening half of a server: accepting on the loop's own stack, up to the backlog at a time, for as
 * long as there are descriptors, memory and room for another connection.
 */
#include "io/server.h"
#include "sys/socket.h"
#include <string.h>
#include <unistd.h>

static const int64_t PAUSE_NS = 50000000; /* until there may be descriptors again, if nobody says so */

static bool is_full(const struct async_server *server)
{
    return server->options.connections != 0 && server->connection_count >= server->options.connections;
}

/* What accept(2) tells of one connection that has come to nothing: the next one may be well. */
static bool concerns_one(int error)
{
    switch (error) {
    case -ECONNABORTED:
    case -EPROTO:
    case -EPERM:
    case -ENETDOWN:
    case -ENOPROTOOPT:
    case -EHOSTDOWN:
    case -ENONET:
    case -EHOSTUNREACH:
    case -EOPNOTSUPP:
    case -ENETUNREACH:
    case -ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

static bool is_shortage(int error)
{
    return error == -EMFILE || error == -ENFILE || error == -ENOBUFS || error == -ENOMEM;
}

/* The timer is set for as long as the server listens, mostly to never, so that no memory is needed to pause. */
static int set_pause(struct async_server *server, int64_t until_ns)
{
    server->paused = until_ns != TIME_NEVER;
    async__timer_clear(server->loop, &server->pause);
    return async__timer_set(server->loop, &server->pause, until_ns);
}

static void end_pause(struct timer *timer)
{
    struct async_server *server = CONTAINER_OF(timer, struct async_server, pause);
    async_ignore(set_pause(server, TIME_NEVER)); /* in the place that was its own */
    async__server_accept_again(server);
}

int async__server_prepare(struct async_server *server)
{
    timer_init(&server->pause, end_pause);
    return set_pause(server, TIME_NEVER);
}

/* The kernel says nothing when there are descriptors again; a connection that ends does, and else a while must do. */
static void pause_for(struct async_server *server, int shortage)
{
    if (server->paused)
        return;
    if (server->loop->debug)
        async__report("'%s' cannot accept for now (%s)", server->function.name,
                      async__error_meaning(shortage));
    async_ignore(set_pause(server, async__now(server->loop) + PAUSE_NS));
}

/* One connection, or what stands in its way: 1 to go on, 0 to stop. */
static int accept_one(struct listener *listener)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    struct async_server *server = listener->server;
    int result = async__sys_accept(listener->channel.source.descriptor, (struct sockaddr *)&peer, &size);
    if (result >= 0)
        result = async__server_connect(server, result, peer.ss_family);
    if (result >= 0 || concerns_one(result))
        return 1;
    if (result == -EAGAIN)
        channel_exhausted(&listener->channel, SIDE_READ);
    else if (is_shortage(result))
        pause_for(server, result);
    else {
        async__tell(server->loop, NULL, result, "a server cannot accept any more, and is closed");
        async_server_close(server);
    }
    return 0;
}

static void accept_some(struct listener *listener)
{
    const struct async_server *server = listener->server;
    for (int i = 0; i < server->options.backlog; i++) {
        if (!server->serving || server->paused || is_full(server) ||
            !channel_is_ready(&listener->channel, SIDE_READ) || accept_one(listener) == 0)
            return;
    }
    async__server_accept_again(listener->server); /* after those have had their turn */
}

static void changed(struct channel *channel)
{
    if (channel_is_ready(channel, SIDE_READ))
        accept_some(CONTAINER_OF(channel, struct listener, channel));
}

static void run_again(struct deferred *deferred)
{
    struct async_server *server = CONTAINER_OF(deferred, struct async_server, again);
    server->accepts_again = false;
    for (size_t i = 0; i < server->listener_count; i++)
        accept_some(&server->listeners[i]);
}

void async__server_accept_again(struct async_server *server)
{
    if (server->accepts_again || server->closed)
        return;
    if (server->paused)
        async_ignore(set_pause(server, TIME_NEVER));
    server->accepts_again = true;
    server->again.run = run_again;
    list_append(&server->loop->deferred, &server->again.link);
}

int async__server_listen(struct async_server *server, int descriptor, char *path)
{
    ASSERT(server->listener_count < MOST_LISTENERS);
    struct listener *listener = &server->listeners[server->listener_count];
    int result = async__channel_open(server->loop, &listener->channel, descriptor, changed);
    if (result < 0) {
        async__sys_close(descriptor);
        return result;
    }
    listener->server = server;
    listener->path = path;
    server->listener_count++;
    server->loop->poller.in_flight++;
    return 0;
}

void async__server_stop(struct async_server *server)
{
    if (server->accepts_again)
        list_remove(&server->again.link);
    server->accepts_again = false;
    async__timer_clear(server->loop, &server->pause);
    for (size_t i = 0; i < server->listener_count; i++) {
        struct listener *listener = &server->listeners[i];
        if (listener->path != NULL) {
            if (!server->loop->inherited) /* there the parent still listens */
                unlink(listener->path);
            memory_free(&server->loop->memory, listener->path, strlen(listener->path) + 1);
        }
        server->loop->poller.in_flight--;
        async__channel_close(server->loop, &listener->channel, -EBADF);
    }
    server->listener_count = 0;
}
