/* sys/thread_state.c: files below /proc/PID/task, and a signal to one thread. */
#include "sys/thread_state.h"
#include "sys/call.h"
#include "sys/clock.h"
#include "sys/peek.h"
#include "sys/thread.h"
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

/* ---- files ---------------------------------------------------------------------------------- */

/* The begin of a small file, as a text. false: it cannot be read. */
static bool read_small_file(const char *path, char *text, size_t size)
{
    int fd = fault(SITE_PEEK) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t length = read(fd, text, size - 1);
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

/* Process 0 is this one. Its own number may differ in the namespace of /proc. */
static bool read_thread_file(int32_t process, int32_t thread, const char *name, char *text,
                             size_t size)
{
    char path[64], number[16] = "self";
    if (process != 0)
        snprintf(number, sizeof number, "%" PRId32, process);
    snprintf(path, sizeof path, "/proc/%s/task/%" PRId32 "/%s", number, thread, name);
    return read_small_file(path, text, size);
}

bool asyncp_sys_thread_times(int32_t thread, struct thread_times *times)
{
    char text[128];
    return read_thread_file(0, thread, "schedstat", text, sizeof text) &&
           sscanf(text, "%" SCNd64 " %" SCNd64, &times->ran_ns, &times->queued_ns) == 2;
}

bool asyncp_sys_thread_call(int32_t process, int32_t thread, struct thread_call *call)
{
    char text[256];
    uint64_t *a = call->arguments;
    if (process == 0 && asyncp_sys_is_emulated()) /* the numbers are those of another processor */
        return false;
    if (!read_thread_file(process, thread, "syscall", text, sizeof text))
        return false;
    if (sscanf(text, "-1 %" SCNx64 " %" SCNx64, &call->sp, &call->pc) == 2) {
        call->number = call->sp == 0 && call->pc == 0 ? THREAD_ENDED : THREAD_FAULT;
        return true;
    }
    return sscanf(text,
                  "%ld %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64 " %" SCNx64
                  " %" SCNx64 " %" SCNx64,
                  &call->number, &a[0], &a[1], &a[2], &a[3], &a[4], &a[5], &call->sp,
                  &call->pc) == 9;
}

bool asyncp_sys_thread_runs(int32_t thread)
{
    static const char running[] = "running";
    char text[256];
    return read_thread_file(0, thread, "syscall", text, sizeof text) &&
           strncmp(text, running, sizeof running - 1) == 0;
}

bool asyncp_sys_is_traced(void)
{
    char text[2048];
    if (!read_small_file("/proc/self/status", text, sizeof text))
        return false;
    const char *line = strstr(text, "\nTracerPid:");
    return line != NULL && atoi(line + strlen("\nTracerPid:")) != 0;
}

/* Whether a thread of this process blocks a signal; false also if the kernel does not tell. */
static bool does_thread_block(int32_t thread, int number)
{
    char text[4096];
    uint64_t blocked;
    if (!read_thread_file(0, thread, "status", text, sizeof text))
        return false;
    const char *line = strstr(text, "\nSigBlk:");
    return line != NULL && sscanf(line, "\nSigBlk: %" SCNx64, &blocked) == 1 &&
           (blocked >> (number - 1) & 1) != 0;
}

bool asyncp_sys_is_signal_blocked(int number)
{
    sigset_t own;
    bool is_blocked = pthread_sigmask(SIG_BLOCK, NULL, &own) == 0 && sigismember(&own, number) == 1;
    DIR *threads = is_blocked && !fault(SITE_PEEK) ? opendir("/proc/self/task") : NULL;
    if (threads == NULL)
        return false;
    for (const struct dirent *entry; is_blocked && (entry = readdir(threads)) != NULL;)
        is_blocked = entry->d_name[0] == '.' || does_thread_block(atoi(entry->d_name), number);
    closedir(threads);
    return is_blocked;
}

void asyncp_sys_descriptor_name(uint64_t fd, char *name, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%" PRIu64, fd);
    ssize_t length = readlink(path, name, size - 1);
    name[length > 0 ? length : 0] = '\0';
}

/* ---- samples -------------------------------------------------------------------------------- */

enum { IDLE, WANTED, TAKING, TAKEN };

/* The sample in progress. The handler writes it while the state is TAKING. */
static struct {
    _Atomic int state;
    _Atomic int32_t thread;
    struct thread_sample *sample;
    _Atomic int number;  /* of the signal; 0: none is installed */
    _Atomic int sending; /* the signal that is about to be sent, which keeps its handler; 0: none */
} sampling;

static void note_register(struct thread_sample *sample, unsigned number, uint64_t value)
{
    sample->registers[number] = value;
    sample->known |= UINT64_C(1) << number;
}

#if defined(__x86_64__)
enum { KNOWS_REGISTERS = true };

static void copy_registers(struct thread_sample *sample, const ucontext_t *context)
{
    static const int order[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
                                REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                REG_R12, REG_R13, REG_R14, REG_R15};
    for (unsigned i = 0; i < sizeof order / sizeof *order; i++)
        note_register(sample, i, (uint64_t)context->uc_mcontext.gregs[order[i]]);
    sample->pc = (uint64_t)context->uc_mcontext.gregs[REG_RIP];
    sample->sp = (uint64_t)context->uc_mcontext.gregs[REG_RSP];
}
#elif defined(__aarch64__)
enum { KNOWS_REGISTERS = true };

static void copy_registers(struct thread_sample *sample, const ucontext_t *context)
{
    for (unsigned i = 0; i < 31; i++)
        note_register(sample, i, context->uc_mcontext.regs[i]);
    sample->pc = context->uc_mcontext.pc;
    sample->sp = context->uc_mcontext.sp;
    note_register(sample, 31, sample->sp);
}
#elif defined(__riscv) && __riscv_xlen == 64
enum { KNOWS_REGISTERS = true };

static void copy_registers(struct thread_sample *sample, const ucontext_t *context)
{
    for (unsigned i = 1; i < 32; i++)
        note_register(sample, i, (uint64_t)context->uc_mcontext.__gregs[i]);
    sample->pc = (uint64_t)context->uc_mcontext.__gregs[0];
    sample->sp = (uint64_t)context->uc_mcontext.__gregs[2];
}
#else
enum { KNOWS_REGISTERS = false };

static void copy_registers(struct thread_sample *sample, const ucontext_t *context)
{
    (void)sample, (void)context, (void)note_register;
}
#endif

/* As much of the stack as is mapped, by the kernel: the end of a stack is not known here. */
static void copy_stack(struct thread_sample *sample)
{
    enum { PART = 1024 };
    sample->stack_bytes = 0;
    while (sample->stack_bytes < SAMPLE_STACK_BYTES) {
        const struct iovec here = {sample->stack + sample->stack_bytes, PART};
        const struct iovec there = {(void *)(uintptr_t)(sample->sp + sample->stack_bytes), PART};
        long bytes = asyncp_sys_peek(asyncp_sys_process_id(), &here, &there, 1);
        sample->stack_bytes += bytes > 0 ? (size_t)bytes : 0;
        if (bytes < PART)
            return;
    }
}

/* It neither locks nor allocates: the thread may be in malloc, or in the middle of a switch. */
static void on_sample(int number, siginfo_t *info, void *context)
{
    int saved = errno, wanted = WANTED;
    (void)number, (void)info;
    if (atomic_load(&sampling.thread) == asyncp_sys_thread_id() &&
        atomic_compare_exchange_strong(&sampling.state, &wanted, TAKING)) {
        copy_registers(sampling.sample, context);
        copy_stack(sampling.sample);
        atomic_store(&sampling.state, TAKEN);
    }
    errno = saved;
}

static bool is_installed(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && (now.sa_flags & SA_SIGINFO) != 0 &&
           now.sa_sigaction == on_sample;
}

/* The number of a signal that had its default action; 0: none is free. */
static int install_on_sample(void)
{
    struct sigaction action = {.sa_sigaction = on_sample,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    sigfillset(&action.sa_mask);
    for (int number = SIGRTMAX; number > SIGRTMIN; number--) {
        struct sigaction now;
        if (SYS_CALL(SITE_SIGACTION, sigaction(number, NULL, &now)) < 0)
            return 0;
        if ((now.sa_flags & SA_SIGINFO) != 0 || now.sa_handler != SIG_DFL)
            continue;
        return SYS_CALL(SITE_SIGACTION, sigaction(number, &action, NULL)) < 0 ? 0 : number;
    }
    return 0;
}

/* Ignored and not the default at first: a signal may still be on its way. */
static void restore_default(int number)
{
    if (!is_installed(number)) /* the program has another handler now */
        return;
    sigaction(number, &(struct sigaction){.sa_handler = SIG_IGN}, NULL);
    sigaction(number, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
}

bool asyncp_sys_sampling_begin(void)
{
    atomic_store(&sampling.number, KNOWS_REGISTERS ? install_on_sample() : 0);
    return atomic_load(&sampling.number) != 0;
}

void asyncp_sys_sampling_end(void)
{
    const int number = atomic_exchange(&sampling.number, 0);
    if (number != 0)
        restore_default(number);
}

void asyncp_sys_sampling_fork(void)
{
    asyncp_sys_sampling_end();
    atomic_store(&sampling.sending, 0);
    atomic_store(&sampling.state, IDLE);
}

/* The action of a number is changed only after a signal that is about to be sent was sent. */
void asyncp_sys_sampling_leave(int number)
{
    int before = number;
    if (number == 0 || atomic_load(&sampling.number) != number)
        return;
    const int next = install_on_sample();
    if (atomic_compare_exchange_strong(&sampling.number, &before, next)) {
        while (atomic_load(&sampling.sending) == number)
            asyncp_sys_yield();
        restore_default(number);
    } else if (next != 0 && next != before) { /* the sampling has ended meanwhile */
        restore_default(next);
    }
}

/* 0, or -errno. */
static int signal_sampled(int32_t thread)
{
    const int number = atomic_load(&sampling.number);
    long result = -EOPNOTSUPP;
    atomic_store(&sampling.sending, number);
    if (number != 0 && atomic_load(&sampling.number) == number && is_installed(number))
        result = SYS_CALL(SITE_RAISE, syscall(SYS_tgkill, asyncp_sys_process_id(), thread, number));
    atomic_store(&sampling.sending, 0);
    return (int)result;
}

int asyncp_sys_sample(int32_t thread, struct thread_sample *sample)
{
    enum { MAX_TRIES = 50 };
    static const int64_t STEP_NS = 1000000;
    int wanted = WANTED;
    *sample = (struct thread_sample){.pc = 0};
    sampling.sample = sample;
    atomic_store(&sampling.thread, thread);
    atomic_store(&sampling.state, WANTED);
    const int result = signal_sampled(thread);
    if (result < 0) {
        atomic_store(&sampling.state, IDLE);
        return result;
    }
    for (int i = 0; i < MAX_TRIES && atomic_load(&sampling.state) != TAKEN; i++)
        asyncp_sys_sleep(STEP_NS);
    if (atomic_compare_exchange_strong(&sampling.state, &wanted, IDLE))
        return -ETIMEDOUT;
    while (atomic_load(&sampling.state) != TAKEN) /* the handler has begun */
        asyncp_sys_yield();
    atomic_store(&sampling.state, IDLE);
    return 0;
}
