/*
 * chaos.h: random programs at both sides of a connection, and the promises of the headers about it.
 * chaos.c plays the rounds, chaos_work.c has the tasks that read and write, chaos_oracle.c decides
 * which results are allowed. test_chaos.c and tls/test_chaos_tls.c choose the kind of connection.
 *
 * Every choice follows from the seed of the round. A failure prints it; CHAOS_SEED=… plays that
 * round first, and CHAOS_ROUNDS=… is the number of rounds.
 */
#ifndef TEST_CHAOS_H
#define TEST_CHAOS_H

#include "run/runner.h"

/* The kind of connection that the rounds of one test use. */
struct chaos_kind {
    bool is_tcp;       /* the kernel can reset a connection */
    bool has_goodbye;  /* the layer says the end itself: the end of the socket alone is an error */
    int fewest_rounds; /* unless CHAOS_ROUNDS says otherwise */

    /*
     * Puts a layer on the stream, at both sides at the same byte. Returns 0 or -errno. May switch.
     * NULL: no layer.
     */
    int (*secure)(async_stream *stream, bool serves);
};

/* Plays the rounds of that kind. 0, or the test has failed. */
int chaos_play(const struct chaos_kind *kind);

/* ---- for the files of the engine ------------------------------------------------------------ */

enum {
    CHAOS_TABLE_BYTES = 1 << 20, /* the bytes of all directions are windows of one random table */
    CHAOS_MOST_BYTES = 700000    /* of a direction */
};

/* One direction: the bytes written to it, and the bytes read from it. */
struct flow {
    size_t origin;   /* where in the table its first byte is */
    size_t clear;    /* bytes before the layer is put on */
    size_t quota;    /* bytes that the writers are to write */
    size_t limit;    /* bytes that the readers are to read */
    size_t accepted; /* bytes of calls that succeeded */
    /* bytes behind these that a failed call may have sent; no call writes after that */
    size_t uncertain;
    size_t got; /* bytes that were read, each of them checked */
    bool lost;  /* a read_all has failed, and dropped the received bytes */
    bool over;  /* a read said 0, or an error that is final */
    int final;  /* which */
};

struct chaos_round;

/* The state of one side of the connection. */
struct side {
    struct chaos_round *round;
    struct side *other;
    async_stream *stream; /* NULL: it was closed */
    struct flow *out;     /* the direction it writes */
    struct flow *in;      /* the direction it reads */
    uint32_t random;
    bool serves;    /* a server has accepted its connection */
    bool secured;   /* the layer is on */
    bool broken;    /* securing it has failed: it can only be closed */
    bool ended;     /* in order: write_eof, close, close_clients */
    bool closed;    /* by close or wait_closed */
    bool aborted;   /* by abort or abort_clients */
    bool hung_up;   /* by close_clients: its reader finds an end that is not the peer's */
    bool resets;    /* SO_LINGER of 0: the close of the socket is a reset */
    bool shut;      /* shutdown(2) behind the stream's back */
    bool draining;  /* a read has failed that leaves bytes: the rest is read by simple calls */
    bool finishing; /* it reads to the end */
    int failed;     /* the error of a failed write */
    /* bytes that were with the kernel when the socket was shut down, or it was aborted */
    size_t at_cut;
    size_t at_close;     /* bytes that were pending when it was closed */
    int readers;         /* tasks inside a call that reads */
    int exclusive;       /* tasks inside a sendfile or a start_tls */
    uint32_t writes;     /* calls so far that change the pending bytes or the limit */
    size_t high;         /* the high water mark */
    uint32_t read_calls; /* calls that read, so far */
    bool waited;         /* wait_closed has returned */
    int wait_closed;     /* that */
};

struct chaos_round {
    const struct chaos_kind *kind;
    uint32_t seed;
    struct flow flows[2]; /* from sides[0] to sides[1], and back */
    struct side sides[2];
    bool shortage; /* there was one of memory */
    int file;      /* the table, twice: every window of it can be sent */
};

/* When further errors are allowed. */
enum during { DURING_READ = 1, DURING_WRITE = 2, DURING_TIMEOUT = 4, DURING_SECURE = 8 };

/* The bytes of the direction from that place on; at least CHAOS_TABLE_BYTES of them can be read. */
const char *chaos_bytes(const struct flow *flow, size_t place);

/* Bytes came: they must be those at the place. Does not count them. */
void chaos_check_bytes(const struct side *side, size_t place, const void *data, size_t size,
                       const char *call);

/* A read said that the peer has ended, with `unread` bytes still in the stream. */
void chaos_check_end(const struct side *side, size_t unread, const char *call);

/* A call has failed: whether this side, its peer, or the test is a reason for that error. */
void chaos_check_error(const struct side *side, int error, unsigned during, const char *call);

/* At the end of a round: each direction has delivered the bytes that it had to. */
void chaos_check_round(const struct chaos_round *round);

/* Ends the test with the seed and the state of the round. */
_Noreturn void chaos_fail(const struct chaos_round *round, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/*
 * A task that reads until it fails or reaches the limit, and one that writes the quota. 0, unless
 * the test fails.
 */
int chaos_read(struct side *side, uint32_t random);
int chaos_write(struct side *side, uint32_t random);

static inline uint32_t chaos_draw(uint32_t *random, uint32_t below)
{
    *random ^= *random << 13;
    *random ^= *random >> 17;
    *random ^= *random << 5;
    return (uint32_t)(((uint64_t)*random * below) >> 32);
}

static inline bool chaos_once_in(uint32_t *random, uint32_t times)
{
    return chaos_draw(random, times) == 0;
}

#endif
