/*
 * sys/thread_state.h: the state of another thread, as the kernel tells it, without disturbing the
 * thread; and of a thread of this process its registers and stack, by a signal with a handler that
 * copies them.
 */
#ifndef SYS_THREAD_STATE_H
#define SYS_THREAD_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Since the thread began. */
struct thread_times {
    int64_t ran_ns;    /* on a processor */
    int64_t queued_ns; /* ready to run, and without a processor */
};

/* false: the kernel does not tell. */
bool asyncp_sys_thread_times(int32_t thread, struct thread_times *times);

enum { CALL_ARGUMENTS = 6, THREAD_FAULT = -1, THREAD_ENDED = -2 };

/* The system call in which a thread sleeps. */
struct thread_call {
    long number; /* THREAD_FAULT: none, it has touched a page that is not there yet; THREAD_ENDED */
    uint64_t arguments[CALL_ARGUMENTS];
    uint64_t sp, pc;
};

/*
 * Of a thread of this process, or of another one if its number is not 0. false: it does not sleep,
 * or the kernel does not tell. Always false of this process under qemu-user.
 */
bool asyncp_sys_thread_call(int32_t process, int32_t thread, struct thread_call *call);

/* Whether it is on a processor, or ready to be. false also if the kernel does not tell. */
bool asyncp_sys_thread_runs(int32_t thread);

/* Whether a debugger has the process. */
bool asyncp_sys_is_traced(void);

/* Whether all threads of this process block a signal. false also if the kernel does not tell. */
bool asyncp_sys_is_signal_blocked(int number);

/* The path or the kind of an open descriptor, as "/etc/hosts" or "socket:[4711]"; "": unknown. */
void asyncp_sys_descriptor_name(uint64_t fd, char *name, size_t size);

/* ---- samples -------------------------------------------------------------------------------- */

enum { SAMPLE_REGISTERS = 33, SAMPLE_STACK_BYTES = 16384 };

/* A moment of a running thread. Registers have DWARF's numbers. */
struct thread_sample {
    uint64_t registers[SAMPLE_REGISTERS];
    uint64_t known; /* a bit for each register */
    uint64_t pc, sp;
    size_t stack_bytes; /* from sp on */
    char stack[SAMPLE_STACK_BYTES];
};

/*
 * Installs the handler of a real-time signal that has its default action. false: none is free, or
 * registers are not known on this processor. For one user in the process.
 */
bool asyncp_sys_sampling_begin(void);
void asyncp_sys_sampling_end(void);

/*
 * Called before the program's handler of a signal is installed. If the samples use that signal,
 * they use another one from now on.
 */
void asyncp_sys_sampling_leave(int number);

/* In a child of fork(), which has the handler, but no thread that samples. */
void asyncp_sys_sampling_fork(void);

/*
 * Takes a sample of another thread. 0; -EOPNOTSUPP: there is no handler, or not any more; -ESRCH;
 * -ETIMEDOUT: it does not answer within 50 ms.
 */
int asyncp_sys_sample(int32_t thread, struct thread_sample *sample);

#endif
