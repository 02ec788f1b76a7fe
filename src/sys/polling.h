/*
 * sys/polling.h: system calls to wait for descriptors: epoll, ppoll and io_uring; and eventfd.
 */
#ifndef SYS_POLLING_H
#define SYS_POLLING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct epoll_event;
struct pollfd;

/* An eventfd, readable from raise to clear. Raise and clear never block and never fail. */
int asyncp_sys_eventfd_open(void);
void asyncp_sys_eventfd_raise(int fd);
void asyncp_sys_eventfd_clear(int fd);

int asyncp_sys_epoll_create(void);
int asyncp_sys_epoll_ctl(int epoll, int operation, int fd, struct epoll_event *event);

/* Whether the descriptor can be polled; true if this cannot be found out. */
bool asyncp_sys_can_poll(int fd);

/*
 * Waits for timeout_ns at least, without limit if it is negative, with the kernel's best
 * resolution. Returns the number of events, 0 also when interrupted, or -errno.
 */
int asyncp_sys_epoll_wait(int epoll, struct epoll_event *events, int capacity, int64_t timeout_ns);

/* The same for ppoll(2). With a timeout of 0 an interrupted call is repeated. */
int asyncp_sys_poll(struct pollfd *fds, size_t count, int64_t timeout_ns);

int asyncp_sys_uring_setup(unsigned entries, void *parameters);

/*
 * Submits `submit` entries. Then, if `wait` is true, waits for one completion for up to timeout_ns,
 * without limit if it is negative. Returns the number of submitted entries or -errno.
 */
int asyncp_sys_uring_enter(int ring, unsigned submit, bool wait, int64_t timeout_ns);

#endif
