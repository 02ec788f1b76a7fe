/*
 * net/transport.h: the medium of a stream, a socket or another descriptor: receiving, sending, and
 * pending output. It does not know layers.
 *
 * Invariant: while output is pending, either its flush is put off to the end of the iteration, or
 * the transport is blocked: then the next change of the socket continues.
 */
#ifndef NET_TRANSPORT_H
#define NET_TRANSPORT_H

#include "net/medium.h"
#include "sched/current.h"
#include <sys/uio.h>

struct async_transport;

/* Callbacks of the owner. */
struct transport_events {
    /* Writing has failed; pending output was dropped. */
    void (*failed)(struct async_transport *transport);

    /*
     * Only while it closes. The socket has changed, or a deferred flush is due: the owner flushes.
     * May free the transport.
     */
    void (*resumed)(struct async_transport *transport);

    /* Only while it closes: after each flush. May free the transport. */
    void (*flushed)(struct async_transport *transport);
};

/* The fields of each read and write come first. Only transport.[ch] touch them. */
struct async_transport {
    struct pollable pollable;
    struct async_loop *loop;

    struct block *first_pending, *last_pending; /* written and not sent; NULL: nothing */
    size_t pending;                             /* bytes in those */
    int write_error;     /* every write returns it, and a read instead of waiting; 0: none */
    int socket_error;    /* the first one; the kernel reports an error once, to either direction */
    bool socket_ended;   /* recv has returned 0 */
    bool is_put_off;     /* a flush is due at the end of the iteration */
    bool blocked;        /* the kernel takes no more for now */
    bool ends;           /* to be shut down when nothing is pending */
    bool was_shut_down;  /* the peer finds the end */
    bool is_cut;         /* written bytes were dropped: the close resets the connection */
    bool closing;        /* the program has closed the stream */
    bool has_progressed; /* something was sent since transport_take_progress */
    bool answering;      /* writes made now answer input */
    struct medium medium;

    size_t answers; /* bytes written while answering, since nothing was pending */
    size_t high_mark, low_mark;
    size_t report_at;         /* debug mode reports so many pending bytes, and doubles this */
    struct list drainers;     /* tasks waiting until the low mark is reached */
    struct list watchers;     /* tasks in async_select, until a read would not wait */
    struct deferred deferred; /* the flush, if put off */
    const struct transport_events *events;
};

/*
 * For a descriptor, which is the medium: a connected socket or one end of a pipe, for example. 0;
 * -errno: it is still the caller's.
 */
int asyncp_transport_open(struct async_transport *transport, struct async_loop *loop, int fd,
                          const struct medium *medium, const struct transport_events *events);

/* Closes the descriptor, if it is open; waiting tasks get the error. A cut connection is reset. */
void asyncp_transport_close(struct async_transport *transport, int error);

/* How many of the operations in flight are waits for this transport. */
size_t asyncp_transport_waits(const struct async_transport *transport);

/* For MEDIUM_CUSTOM: a change of readiness, bits of enum source_state. May free the transport. */
void asyncp_transport_change(struct async_transport *transport, unsigned state);

/*
 * The program closes the stream: every task using it gets -EBADF, and none may touch it any more.
 */
void asyncp_transport_dismiss(struct async_transport *transport);

/* From now on the owner gets all events. */
void asyncp_transport_begin_closing(struct async_transport *transport);

/* One try: how many bytes were received; 0: the end; -EAGAIN; or why the connection is gone. */
int asyncp_transport_receive(struct async_transport *transport, void *buffer, size_t size);

/*
 * Sends the bytes, or keeps those the kernel does not take now. 0; why the connection is gone;
 * -ENOMEM: nothing was written, or the transport has failed if a part had been sent.
 */
int asyncp_transport_write(struct async_transport *transport, const void *data, size_t size);

/* The same for parts of `size` bytes together; the first has some. */
int asyncp_transport_writev(struct async_transport *transport, const struct iovec *parts,
                            size_t size);

/*
 * Sends from a file at *offset, which is advanced: how many bytes; 0: the file's end; -EAGAIN. An
 * error of the connection is the transport's. Nothing may be pending.
 */
int asyncp_transport_sendfile(struct async_transport *transport, int file, int64_t *offset,
                              size_t size);

/* Sends as much pending output as the kernel takes. While it closes: may free the transport. */
void asyncp_transport_flush(struct async_transport *transport);

/* Drops pending output. Every write returns the error; a read returns it instead of waiting. */
void asyncp_transport_fail(struct async_transport *transport, int error);

/* Ends writing when nothing is pending, which may be now. */
void asyncp_transport_end(struct async_transport *transport);

/*
 * Ends writing now: a socket is shut down, the end of a pipe is closed. 0; -errno: the connection
 * is gone.
 */
int asyncp_transport_shut_down(struct async_transport *transport);

/* Written bytes not acknowledged by the peer's system; 0 if the number is not known. */
size_t asyncp_transport_unacknowledged(const struct async_transport *transport);

/* Asks the socket for its error, which it then forgets. 0 or -errno. */
int asyncp_transport_ask_error(const struct async_transport *transport);

/*
 * Waits until a try to receive is worthwhile, or until answers to input have been sent;
 * flushes first. tried: a try while the socket is ready has given nothing, so other tasks run
 * before the next one. 0 or -errno. Switches.
 */
int asyncp_transport_wait(struct async_transport *transport, bool tried, const char *call);

/* Waits until a connecting socket has connected. 0; or why it has not. Switches. */
int asyncp_transport_wait_connected(struct async_transport *transport, const char *call);

/* Waits until the kernel takes more. 0 or -errno; the transport may be gone. Switches. */
int asyncp_transport_wait_writable(struct async_transport *transport, const char *call);

/* The same after -EAGAIN of asyncp_transport_sendfile. */
int asyncp_transport_wait_for_room(struct async_transport *transport, const char *call);

/* Waits until less than the low mark is pending, if the high one was passed. Switches. */
int asyncp_transport_drain(struct async_transport *transport, const char *call);

void asyncp_transport_set_marks(struct async_transport *transport, size_t high, size_t low);

/* A read would not wait any more: wakes the reading task, and those in async_select. */
void asyncp_transport_wake_readers(struct async_transport *transport);

enum { MAX_ANSWERS = 16 * 1024 };

/*
 * Whether reading must pause: many answers to the peer's input are pending, and the peer must take
 * some first. Otherwise a peer that reads no answers fills the memory.
 */
static inline bool transport_must_pause(const struct async_transport *transport)
{
    return transport->answers > MAX_ANSWERS && transport->pending > transport->low_mark &&
           transport->write_error == 0;
}

/* Whether writes, until the next call, count as answers to input. */
static inline void transport_set_answering(struct async_transport *transport, bool answering)
{
    transport->answering = answering;
}

static inline void transport_put_off(struct async_transport *transport)
{
    if (transport->is_put_off)
        return;
    transport->is_put_off = true;
    loop_defer(transport->loop, &transport->deferred);
}

/* Makes a deferred flush now. */
static inline void transport_flush_put_off(struct async_transport *transport)
{
    if (transport->is_put_off)
        asyncp_transport_flush(transport);
}

/* A written byte is lost. */
static inline void transport_cut(struct async_transport *transport)
{
    transport->is_cut = true;
}

/* The result of wait_closed, if no other is known. */
static inline void transport_set_error(struct async_transport *transport, int error)
{
    transport->write_error = error;
}

/* Whether something was sent since the last call. */
static inline bool transport_take_progress(struct async_transport *transport)
{
    bool has_progressed = transport->has_progressed;
    transport->has_progressed = false;
    return has_progressed;
}

static inline struct async_loop *transport_loop(const struct async_transport *transport)
{
    return transport->loop;
}

/* -1: it was closed. */
static inline int transport_fd(const struct async_transport *transport)
{
    return transport->pollable.source.fd;
}

static inline size_t transport_pending(const struct async_transport *transport)
{
    return transport->pending;
}

/* Why writes fail; 0: they do not. */
static inline int transport_write_error(const struct async_transport *transport)
{
    return transport->write_error;
}

/* Why the connection failed in either direction; 0: it did not. */
static inline int transport_error(const struct async_transport *transport)
{
    return transport->write_error != 0 ? transport->write_error : transport->socket_error;
}

static inline bool transport_has_ended(const struct async_transport *transport)
{
    return transport->socket_ended;
}

static inline bool transport_is_socket(const struct async_transport *transport)
{
    return medium_is_socket(&transport->medium);
}

/* Whether its writing can end while it reads. */
static inline bool transport_can_end(const struct async_transport *transport)
{
    return medium_is_socket(&transport->medium) || medium_is_custom(&transport->medium) ||
           !medium_can_read(&transport->medium);
}

/* Whether it is for reading at all, and for writing. */
static inline bool transport_can_read(const struct async_transport *transport)
{
    return medium_can_read(&transport->medium);
}

static inline bool transport_can_write(const struct async_transport *transport)
{
    return medium_can_write(&transport->medium);
}

static inline bool transport_is_closing(const struct async_transport *transport)
{
    return transport->closing;
}

/* Whether a try to receive is worthwhile. */
static inline bool transport_is_readable(const struct async_transport *transport)
{
    return pollable_is_ready(&transport->pollable, SIDE_READ);
}

/* Whether a task reads. */
static inline bool transport_is_read(const struct async_transport *transport)
{
    return pollable_is_taken(&transport->pollable, SIDE_READ);
}

static inline struct list *transport_watchers(struct async_transport *transport)
{
    return &transport->watchers;
}

/* pollable_pace for a task reading or writing. */
static inline int transport_pace(struct async_transport *transport, enum side side, int32_t steps)
{
    return pollable_pace(transport->loop, &transport->pollable, side, steps);
}

/* Ends the program unless the stream may be used here. */
static inline void transport_check(const struct async_transport *transport, const char *call)
{
    if (unlikely(transport->loop != asyncp_current))
        asyncp_wrong_loop(transport->loop, call, "the stream");
    ENSURE(!transport->closing, "%s: the stream was closed before", call);
}

#endif
