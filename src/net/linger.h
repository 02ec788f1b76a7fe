/*
 * net/linger.h: the lingering close, the last phase of a stream.
 */
#ifndef NET_LINGER_H
#define NET_LINGER_H

#include "net/layer.h"

struct lingering_close {
    int64_t until_ns;      /* the limit, for the peer's end or for acknowledgements */
    int64_t pause_ns;      /* between two checks for acknowledgements */
    size_t dropped;        /* bytes of input */
    size_t unacknowledged; /* bytes of output, at the last check */
    bool peer_sends;       /* it has sent something the program did not read */
    bool peer_has_ended;   /* its end was read */
};

/* The program closes while so much is unread. */
void asyncp_linger_init(struct lingering_close *lingering, size_t unread);

/* While output is pending: drops the input. */
void asyncp_linger_drop_input(struct lingering_close *lingering, struct layer *layer);

/*
 * Everything was sent: shuts the socket down. false: the socket can be closed now; true: only when
 * asyncp_linger_check says so.
 */
bool asyncp_linger_begin(struct lingering_close *lingering, struct layer *layer);

/*
 * After a change of the socket, or when its time has come: whether the stream is to linger on,
 * until *next_ns at most.
 */
bool asyncp_linger_check(struct lingering_close *lingering, struct layer *layer, int64_t *next_ns);

/* The close comes too early. If output is unacknowledged, wait_closed returns the error. */
void asyncp_linger_give_up(const struct lingering_close *lingering, struct layer *layer, int error);

#endif
