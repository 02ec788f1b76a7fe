/*
 * sys/thread.h: threads, processors and futexes.
 */
#ifndef SYS_THREAD_H
#define SYS_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Starts a thread that calls function(argument). It blocks all signals except those raised by its
 * own faults. 0 or -errno, mostly -EAGAIN.
 */
int asyncp_sys_thread_start(pthread_t *thread, void *(*function)(void *argument), void *argument);

/* Whether qemu-user runs the process. */
bool asyncp_sys_is_emulated(void);

/*
 * Whether the process has threads that asyncp_sys_thread_start has not started, but this one. It
 * may be true for a moment after a thread of the library has ended.
 */
bool asyncp_sys_has_foreign_threads(void);

/* Around a job on a thread that was started here; the end of the thread ends the job, too. */
void asyncp_sys_thread_begins_job(void);
void asyncp_sys_thread_ends_job(void);

/* Forgets the threads of the parent. Called in a child of fork(). */
void asyncp_sys_threads_fork(void);

/* The kernel's numbers of the process and of the calling thread. */
int32_t asyncp_sys_process_id(void);
int32_t asyncp_sys_thread_id(void);

bool asyncp_sys_is_main_thread(void);

/* Of the calling thread, since it began. */
struct thread_usage {
    int64_t ran_ns; /* on a processor */
    long sleeps;    /* how often it has waited in the kernel; negative: nothing is known */
};

struct thread_usage asyncp_sys_thread_usage(void);

/* Lets other threads run first. */
void asyncp_sys_yield(void);

/* The number of the calling thread's CPU, without a system call. */
uint32_t asyncp_sys_cpu(void);

/* How many CPUs the process may run on; 1 or more. */
size_t asyncp_sys_cpu_count(void);

/*
 * Blocks while *word == value until a wake, for up to timeout_ns, without limit if it is negative.
 * May return early, and does after a signal. false: the kernel forbids futex(2).
 */
bool asyncp_sys_futex_wait(_Atomic uint32_t *word, uint32_t value, int64_t timeout_ns);

/* Wakes one waiter. From any thread and from signal handlers. */
void asyncp_sys_futex_wake(_Atomic uint32_t *word);

#endif
