/*
 * echo.c: bench-echo's server on io_uring, written for this one purpose. One multishot request
 * accepts all connections, and one per connection receives, into buffers that the kernel selects.
 * Output goes out by plain send(): it costs the kernel no more than a request and its completion,
 * and the buffer is free at once, so a few buffers suffice and stay in the cache (bench/README.md).
 */
#include "ring.h"
#include <server.h>
#include <unsent.h>

#include <poll.h>

/* The upper half of user_data; the lower half is the descriptor. */
enum kind { ACCEPT, INPUT, RECEIVE, WRITABLE };

/* The peer has closed the connection, and bytes are still unsent. */
static bool ended[UNSENT_DESCRIPTORS];

static struct io_uring_sqe *request(enum kind kind, int operation, int fd)
{
    if (fd >= UNSENT_DESCRIPTORS)
        bench_die("uring", "too many connections");
    return ring_request(operation, fd, (uint64_t)kind << 32 | (unsigned)fd);
}

static void ask_to_accept(int listening)
{
    struct io_uring_sqe *asked = request(ACCEPT, IORING_OP_ACCEPT, listening);
    asked->ioprio = IORING_ACCEPT_MULTISHOT;
    asked->accept_flags = SOCK_NONBLOCK;
}

static void ask_to_receive(int connection)
{
    struct io_uring_sqe *asked = request(RECEIVE, IORING_OP_RECV, connection);
    asked->ioprio = IORING_RECV_MULTISHOT;
    asked->flags = IOSQE_BUFFER_SELECT;
}

static void ask_to_poll(enum kind kind, int fd, uint32_t events)
{
    request(kind, IORING_OP_POLL_ADD, fd)->poll32_events = events;
}

static void forget(int connection)
{
    shutdown(connection, SHUT_RDWR); /* completes a pending poll request */
    unsent_forget(connection);
    ended[connection] = false;
    close(connection);
}

static void echo(int connection, const char *bytes, size_t count)
{
    if (unsent_any(connection))
        unsent_keep(connection, bytes, count);
    else if (!unsent_send_or_keep(connection, bytes, count))
        ask_to_poll(WRITABLE, connection, POLLOUT);
}

static void writable(int connection)
{
    if (!unsent_send(connection) && errno == EAGAIN)
        ask_to_poll(WRITABLE, connection, POLLOUT);
    else if (ended[connection])
        forget(connection);
}

static void received(int connection, int result, unsigned flags)
{
    if (result == 0 && unsent_any(connection)) {
        ended[connection] = true;
        return;
    }
    if (result == 0 || (result < 0 && result != -ENOBUFS)) {
        forget(connection);
        return;
    }
    if (result > 0) {
        unsigned buffer = flags >> IORING_CQE_BUFFER_SHIFT;
        echo(connection, ring_buffer(buffer), (size_t)result);
        ring_give(buffer);
    }
    if ((flags & IORING_CQE_F_MORE) == 0)
        ask_to_receive(connection);
}

static void handle(const struct io_uring_cqe *completion)
{
    int fd = (int)(uint32_t)completion->user_data;
    switch ((enum kind)(completion->user_data >> 32)) {
    case ACCEPT:
        if (completion->res >= 0)
            ask_to_receive(completion->res);
        if ((completion->flags & IORING_CQE_F_MORE) == 0)
            ask_to_accept(fd);
        break;
    case INPUT:
        exit(0);
    case RECEIVE:
        received(fd, completion->res, completion->flags);
        break;
    case WRITABLE:
        writable(fd);
        break;
    }
}

int main(void)
{
    ring_open();
    ask_to_accept(server_listen());
    ask_to_poll(INPUT, STDIN_FILENO, POLLIN);
    unsigned head = *ring.completion_head;
    for (;;) {
        ring_enter(1);
        unsigned tail = __atomic_load_n(ring.completion_tail, __ATOMIC_ACQUIRE);
        for (; head != tail; head++)
            handle(&ring.completions[head & ring.completion_mask]);
        __atomic_store_n(ring.completion_head, head, __ATOMIC_RELEASE);
    }
}
