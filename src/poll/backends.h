/*
 * poll/backends.h: the backends, for code choosing one.
 */
#ifndef POLL_BACKENDS_H
#define POLL_BACKENDS_H

#include "poll/poll.h"

extern const struct poller_calls asyncp_poll_epoll;
extern const struct poller_calls asyncp_poll_uring;
extern const struct poller_calls asyncp_poll_sim; /* deterministic, for tests */

#endif
