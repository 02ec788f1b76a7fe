/*
 * net/listen.c: accepting. A connection that has failed before it was accepted is skipped.
 */
#include "net/listen.h"
#include "sys/socket.h"
#include "poll/poll.h"

/* Such errors may have another cause: then the next accept gives the same one, without an end. */
enum { MAX_SKIPPED = 1000 };

/* Whether to go on. */
static bool accept_connection(struct listener *listener)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    int fd = asyncp_sys_accept(listener_fd(listener), (struct sockaddr *)&peer, &size);
    if (asyncp_sys_is_transient_accept_error(fd) && ++listener->skipped < MAX_SKIPPED)
        return true;
    listener->skipped = 0;
    if (fd == -EAGAIN) {
        pollable_drained(&listener->pollable, SIDE_READ);
        return false;
    }
    int result = fd >= 0 ? listener->accepted(listener, fd, peer.ss_family) : fd;
    if (result < 0)
        listener->failed(listener, result);
    return result >= 0;
}

/* After as many connections as the backlog holds, their tasks run first. */
static void accept_connections(struct listener *listener)
{
    for (int count = 0; count < listener->backlog; count++)
        if (!pollable_is_ready(&listener->pollable, SIDE_READ) || !listener->wants(listener) ||
            !accept_connection(listener))
            return;
    asyncp_listener_put_off(listener);
}

static void handle_listener_change(struct pollable *pollable)
{
    accept_connections(CONTAINER_OF(pollable, struct listener, pollable));
}

static void run_deferred_accept(struct deferred *deferred)
{
    struct listener *listener = CONTAINER_OF(deferred, struct listener, deferred);
    listener->is_put_off = false;
    accept_connections(listener);
}

void asyncp_listener_put_off(struct listener *listener)
{
    if (listener->is_put_off)
        return;
    listener->is_put_off = true;
    loop_defer(listener->loop, &listener->deferred);
}

/* An open listener counts as in flight. */
int asyncp_listener_open(struct listener *listener, struct async_loop *loop, int fd, int backlog)
{
    int result = asyncp_pollable_open(loop, &listener->pollable, fd, handle_listener_change);
    if (result < 0)
        return result;
    listener->loop = loop;
    listener->backlog = backlog;
    listener->skipped = 0;
    listener->is_put_off = false;
    listener->deferred.run = run_deferred_accept;
    poller_hold(&loop->poller, 1);
    return 0;
}

void asyncp_listener_close(struct listener *listener)
{
    if (listener->is_put_off)
        list_remove(&listener->deferred.link);
    listener->is_put_off = false;
    poller_release(&listener->loop->poller, 1);
    asyncp_pollable_close(listener->loop, &listener->pollable, -EBADF);
}
