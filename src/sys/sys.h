/*
 * sys/sys.h: every way into the kernel, in one place, so that it can be made to fail. Each call
 * returns what the kernel returns, with -errno for an error; errno means nothing to the library.
 * Interrupted calls are repeated where nothing can be lost by it, and the comment says where not.
 * Knows nothing of tasks.
 */
#ifndef SYS_SYS_H
#define SYS_SYS_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct epoll_event;
struct timespec;
struct pollfd;

/* Bytes that the library has mapped and not given back, for whoever looks for leaks. */
extern _Atomic long asyncp_mapped_bytes;

/*
 * Private memory that costs nothing until it is touched, never in huge pages. NULL: out of memory.
 */
void *asyncp_sys_map(size_t size);

/*
 * Gives a mapping back. What the kernel keeps for now, because it has no room for notes, stays
 * mapped without pages.
 */
void asyncp_sys_unmap(void *start, size_t size);

/* Tries that again with what stayed; every mapping begins with it. */
void asyncp_sys_unmap_leftovers(void);

/*
 * Memory shared with the kernel through a descriptor, as io_uring's rings are. NULL: it cannot be
 * had.
 */
void *asyncp_sys_map_shared(size_t size, int fd, int64_t offset);

/*
 * Makes the range fault when it is touched, by a lightweight guard. -EINVAL: this kernel has none.
 */
int asyncp_sys_guard(void *start, size_t size);

/*
 * The same for count ranges, at most 64, that lie stride bytes apart, in one call. Where this
 * kernel, or whoever confines us, does not let us do that: an error, and some of them may be
 * guarded.
 */
int asyncp_sys_guard_each(char *start, size_t stride, size_t size, uint32_t count);

/*
 * Touches as many ranges in one call, which is faster than a fault for each. An error: some may be
 * untouched.
 */
int asyncp_sys_touch_each(char *start, size_t stride, size_t size, uint32_t count);

/* The same as asyncp_sys_guard by page protection, which costs a mapping. */
int asyncp_sys_protect(void *start, size_t size);

/* Gives the range's pages back; they read as zeros afterwards. */
int asyncp_sys_forget(void *start, size_t size);

/* How many bytes of the range lie below its first page that is in memory; its size if none is. */
ssize_t asyncp_sys_first_resident(void *start, size_t size);

/* Bytes of a page, or of a multiple of pages if the build says so (-Dpage_size). */
size_t asyncp_sys_page_size(void);

/* Both non-blocking in effect as the descriptor says; not repeated when interrupted. */
ssize_t asyncp_sys_read(int fd, void *buffer, size_t size);
ssize_t asyncp_sys_read_at(int file, void *buffer, size_t size,
                           int64_t offset); /* -EINVAL: a pipe, a folder */
ssize_t asyncp_sys_write(int fd, const void *buffer, size_t size);
void asyncp_sys_close(int fd);
bool asyncp_sys_is_open(int fd);
int asyncp_sys_pipe(int ends[2]);

/* recv(2) that never waits: -EAGAIN instead. */
int asyncp_sys_recv(int fd, void *buffer, size_t size, int flags);

/*
 * An event that wakes whoever polls it from when it is raised until it is cleared; neither waits
 * nor fails.
 */
int asyncp_sys_event_open(void);
void asyncp_sys_event_raise(int event);
void asyncp_sys_event_clear(int event);

int asyncp_sys_epoll_create(void);
int asyncp_sys_epoll_control(int epoll, int operation, int fd, struct epoll_event *event);

/*
 * Waits up to timeout_ns, or as long as it takes if that is negative; never less. 0 also when
 * interrupted, except that a poll of no time looks again then: its 0 says that nothing is ready.
 */
int asyncp_sys_epoll_wait(int epoll, struct epoll_event *events, int capacity, int64_t timeout_ns);
int asyncp_sys_poll(struct pollfd *fds, size_t count, int64_t timeout_ns);

/*
 * Waits until the word is woken, for timeout_ns, or as long as it takes if that is negative; not at
 * all if the word is another than `value`. It may end early, and does when a signal comes. false:
 * the kernel forbids it.
 */
bool asyncp_sys_word_wait(_Atomic uint32_t *word, uint32_t value, int64_t timeout_ns);

/*
 * Ends the wait of the thread that waits on the word, if one does. From any thread and from signal
 * handlers.
 */
void asyncp_sys_word_wake(_Atomic uint32_t *word);

int asyncp_sys_uring_setup(unsigned entries, void *parameters);

/*
 * Submits, then waits up to timeout_ns for one completion if wait is true; negative: as long as it
 * takes.
 */
int asyncp_sys_uring_enter(int ring, unsigned submit, bool wait, int64_t timeout_ns);

int asyncp_sys_sigaction(int number, const struct sigaction *action, struct sigaction *old);

/* The stack on which this thread's signal handlers run, if they ask for one. */
bool asyncp_sys_has_signal_stack(void);
int asyncp_sys_signal_stack(void *start, size_t size);

/*
 * Takes that one away again, unless the thread has another by now. false: it may still be the
 * thread's.
 */
bool asyncp_sys_leave_signal_stack(void *start);
bool asyncp_sys_is_main_thread(void);

/*
 * Starts a thread that calls function(argument) and to which no signal comes but those of its own
 * mistakes. 0 or -errno, mostly -EAGAIN.
 */
int asyncp_sys_thread_start(pthread_t *thread, void *(*function)(void *argument), void *argument);

/* The number of the processor on which the calling thread runs, or has just run. */
uint32_t asyncp_sys_processor(void);

/* How many processors this process may run on; 1 or more. */
size_t asyncp_sys_processors(void);

/* For calls of libc that take one. */
struct timespec asyncp_timespec(int64_t ns);

/* The monotonic clock in nanoseconds. Never fails. */
int64_t asyncp_clock_now(void);

/*
 * Writes "asyncio: " and the sentence as one line to standard error. Usable in a signal handler in
 * practice.
 */
void asyncp_report(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Writes the formatted text to a descriptor, at most 1 KiB of it. */
void asyncp_print(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
