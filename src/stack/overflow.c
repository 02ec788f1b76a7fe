/*
 * stack/overflow.c: the handler of SIGSEGV and SIGBUS. It runs on an alternate stack. If the
 * faulting address lies in the guard of the running stack, or the stack pointer is beyond it, it
 * reports the overflow and the repeated calls, and the process ends. All other faults are forwarded
 * to the former handler. If the program has none, and the library has touched memory that is not
 * valid, the task and its calls are reported before: mostly an object of the program is the reason.
 */
#include "stack/overflow.h"
#include "show/own_places.h"
#include "sys/clock.h"
#include "sys/frames.h"
#include "sys/map.h"
#include "sys/report.h"
#include "sys/signals.h"
#include "sys/thread.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

enum { SIGNAL_STACK_SIZE = 64 * 1024 };
enum { NAME_SIZE = 512 };
/* Bytes below the stack, and below the stack pointer: of a call, and of the red zone. */
enum { MAX_JUMP = 1 << 20, MAX_PUSHED = 512 };
static const int64_t MOST_REPORT_NS = INT64_C(10000000000);

/* A signal handled by us while overflows of any thread are reported. */
struct handled_signal {
    int number;
    struct sigaction before; /* the former handler */
    /* When ours was to be removed, another handler was installed, which may call ours. */
    bool replaced;
};

static const struct overflow_owner *_Atomic stack_owner; /* the same for all threads */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned thread_count;                                                       /* under lock */
static struct handled_signal handled[] = {{.number = SIGSEGV}, {.number = SIGBUS}}; /* under lock */

/* The fault being forwarded by this thread. */
static __thread struct {
    const void *context; /* the kernel's context of the fault; NULL: none is forwarded */
    const char *frame;   /* of the forwarding handler */
} forwarding __attribute__((tls_model("initial-exec")));

static void read_registers(const void *signal_context, const void **pc, const char **sp)
{
    const ucontext_t *context = signal_context;
#if defined(__x86_64__)
    *pc = (const void *)context->uc_mcontext.gregs[REG_RIP];
    *sp = (const char *)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    *pc = (const void *)context->uc_mcontext.pc;
    *sp = (const char *)context->uc_mcontext.sp;
#elif defined(__i386__)
    *pc = (const void *)context->uc_mcontext.gregs[REG_EIP];
    *sp = (const char *)context->uc_mcontext.gregs[REG_ESP];
#elif defined(__arm__)
    *pc = (const void *)context->uc_mcontext.arm_pc;
    *sp = (const char *)context->uc_mcontext.arm_sp;
#elif defined(__s390x__)
    *pc = (const void *)context->uc_mcontext.psw.addr;
    *sp = (const char *)context->uc_mcontext.gregs[15];
#elif defined(__riscv)
    *pc = (const void *)context->uc_mcontext.__gregs[REG_PC];
    *sp = (const char *)context->uc_mcontext.__gregs[REG_SP];
#else
    (void)context;
    *pc = NULL;
    *sp = NULL;
#endif
}

static void report_calls(const struct stack *stack, size_t guard_size, const void *signal_context)
{
    char name[NAME_SIZE];
    const void *pc;
    const char *sp;
    read_registers(signal_context, &pc, &sp);
    if (asyncp_own_place_text((uintptr_t)pc, name, sizeof name))
        asyncp_report("    it happened in %s", name);
    const char *lowest = stack->bottom + guard_size;
    asyncp_frames_report(sp > lowest ? sp : lowest, (const char *)stack, asyncp_own_place_text);
}

/*
 * What finds the calls and their names is not reentrant: the first thread of a process reports them
 * and ends it. Another one that has a fault meanwhile gives it time for that.
 */
static void report_once(void (*explain)(void), const struct stack *stack, size_t guard_size,
                        const void *signal_context)
{
    static _Atomic int32_t reporting; /* the process; of a child of fork() perhaps its parent */
    const int32_t process = asyncp_sys_process_id();
    explain();
    if (atomic_exchange(&reporting, process) != process)
        report_calls(stack, guard_size, signal_context);
    else
        asyncp_sys_sleep(MOST_REPORT_NS);
}

/* A fault repeats when the handler returns, and then ends the process. A sent signal does not. */
static void end_by_signal(int number, const siginfo_t *info)
{
    bool was_sent = info->si_code <= 0;
    asyncp_sys_signal_default(number);
    if (was_sent)
        asyncp_sys_raise(number);
}

static void call_former_handler(int number, siginfo_t *info, void *signal_context)
{
    const struct sigaction *before = &handled[number == SIGBUS].before;
    if ((before->sa_flags & SA_SIGINFO) != 0)
        before->sa_sigaction(number, info, signal_context);
    else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN)
        before->sa_handler(number);
    else if (before->sa_handler == SIG_DFL || info->si_code > 0) /* a fault cannot be ignored */
        end_by_signal(number, info);
}

/*
 * The former handler may call ours in turn. Such a loop is recognised by the same fault with a
 * deeper frame. A handler that leaves by siglongjmp leaves `forwarding` set; later frames are not
 * deeper than its frame.
 */
static void forward_fault(int number, siginfo_t *info, void *signal_context)
{
    const char *frame = __builtin_frame_address(0);
    if (forwarding.context == signal_context && frame < forwarding.frame) {
        end_by_signal(number, info);
        return;
    }
    const void *outer_context = forwarding.context;
    const char *outer_frame = forwarding.frame;
    forwarding.context = signal_context;
    forwarding.frame = frame;
    call_former_handler(number, info, signal_context);
    forwarding.context = outer_context;
    forwarding.frame = outer_frame;
}

/* A handler of the program on the alternate stack may be interrupted, too. */
static bool is_on_signal_stack(const void *signal_context, const char *sp)
{
    const stack_t *stack = &((const ucontext_t *)signal_context)->uc_stack;
    return (uintptr_t)sp - (uintptr_t)stack->ss_sp < stack->ss_size;
}

/*
 * libc's frames are not probed page by page: so the stack pointer may be below the guard, which was
 * not touched, even in the stack of another task. Then the address may be any. Where no stack is,
 * the code may have a stack of its own, so the address must be between.
 */
static bool has_left_stack(const struct stack *stack, size_t guard_size, const char *address,
                           const void *signal_context)
{
    const void *pc;
    const char *sp, *limit = stack->bottom + guard_size;
    read_registers(signal_context, &pc, &sp);
    if (sp == NULL || sp >= limit || limit - sp > MAX_JUMP ||
        is_on_signal_stack(signal_context, sp))
        return false;
    return stack_owner->is_stack(sp) || (address >= sp - MAX_PUSHED && address < limit);
}

static bool is_overflow(const struct stack *stack, size_t guard_size, const siginfo_t *info,
                        const void *signal_context)
{
    const char *address = info->si_addr;
    if (stack == NULL || info->si_code <= 0)
        return false;
    return (address >= stack->bottom && address < stack->bottom + guard_size) ||
           has_left_stack(stack, guard_size, address, signal_context);
}

/* Other than static functions, and those that async_fn makes. */
static bool has_library_name(const char *name)
{
    static const char shared[] = "async", of_program[] = "asyncp_enter_";
    return strncmp(name, shared, sizeof shared - 1) == 0 &&
           strncmp(name, of_program, sizeof of_program - 1) != 0;
}

/* In a common file the library is recognised by names. */
static bool is_in_library(const void *pc)
{
    const enum own_file file = asyncp_own_file((uintptr_t)pc);
    char name[NAME_SIZE];
    return file == LIBRARY_FILE ||
           (file == COMMON_FILE && asyncp_own_place_text((uintptr_t)pc, name, sizeof name) &&
            has_library_name(name));
}

/* A handler of the program may have a use for the fault. */
static bool is_fault_of_call(int number, const siginfo_t *info, const void *signal_context)
{
    const struct sigaction *before = &handled[number == SIGBUS].before;
    const void *pc;
    const char *sp;
    read_registers(signal_context, &pc, &sp);
    return info->si_code > 0 && (before->sa_flags & SA_SIGINFO) == 0 &&
           before->sa_handler == SIG_DFL && is_in_library(pc);
}

static void on_fault(int number, siginfo_t *info, void *signal_context)
{
    size_t guard_size = 0;
    const struct stack *stack = stack_owner->running(&guard_size);
    if (is_overflow(stack, guard_size, info, signal_context)) {
        report_once(stack_owner->explain, stack, guard_size, signal_context);
        asyncp_sys_signal_default(number);
        return;
    }
    if (stack != NULL && is_fault_of_call(number, info, signal_context))
        report_once(stack_owner->explain_call, stack, guard_size, signal_context);
    forward_fault(number, info, signal_context);
}

static bool is_fault_handler(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) != 0 && action->sa_sigaction == on_fault;
}

/* Whether the handler was installed after ours, and so may forward faults to ours. */
static bool may_call_ours(const struct handled_signal *fault, const struct sigaction *now)
{
    bool is_function = (now->sa_flags & SA_SIGINFO) != 0 ||
                       (now->sa_handler != SIG_DFL && now->sa_handler != SIG_IGN);
    return fault->replaced && is_function && now->sa_sigaction != fault->before.sa_sigaction;
}

/* If our handler is still installed, `before` stays as it is. */
static void install_handler(struct handled_signal *fault)
{
    struct sigaction now, action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    if (asyncp_sys_sigaction(fault->number, NULL, &now) < 0 || is_fault_handler(&now) ||
        may_call_ours(fault, &now))
        return;
    sigemptyset(&action.sa_mask);
    fault->before = now;
    asyncp_sys_sigaction(fault->number, &action, NULL);
}

static void restore_handler(struct handled_signal *fault)
{
    struct sigaction now;
    if (asyncp_sys_sigaction(fault->number, NULL, &now) < 0)
        return;
    if (is_fault_handler(&now))
        asyncp_sys_sigaction(fault->number, &fault->before, NULL);
    else
        fault->replaced = true;
}

/* 0 or -ENOMEM. Where the kernel allows no alternate stack, an overflow is not reported. */
static int map_signal_stack(struct signal_stack *stack)
{
    stack->start = asyncp_sys_map(SIGNAL_STACK_SIZE);
    if (stack->start == NULL)
        return -ENOMEM;
    stack->error = asyncp_sys_set_signal_stack(stack->start, SIGNAL_STACK_SIZE);
    if (stack->error < 0) {
        asyncp_sys_unmap(stack->start, SIGNAL_STACK_SIZE);
        stack->start = NULL;
    }
    return 0;
}

int asyncp_overflow_open(struct signal_stack *stack, const struct overflow_owner *owner)
{
    *stack = (struct signal_stack){0};
    int result = asyncp_sys_has_signal_stack() ? 0 : map_signal_stack(stack);
    if (result < 0)
        return result;
    pthread_mutex_lock(&lock);
    stack_owner = owner;
    if (thread_count++ == 0)
        for (size_t i = 0; i < sizeof handled / sizeof *handled; i++)
            install_handler(&handled[i]);
    pthread_mutex_unlock(&lock);
    return 0;
}

void asyncp_overflow_close(struct signal_stack *stack)
{
    pthread_mutex_lock(&lock);
    if (--thread_count == 0)
        for (size_t i = 0; i < sizeof handled / sizeof *handled; i++)
            restore_handler(&handled[i]);
    pthread_mutex_unlock(&lock);
    if (stack->start != NULL && asyncp_sys_remove_signal_stack(stack->start))
        asyncp_sys_unmap(stack->start, SIGNAL_STACK_SIZE);
}

void asyncp_overflow_before_fork(void)
{
    pthread_mutex_lock(&lock);
}

void asyncp_overflow_after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

void asyncp_overflow_forked(unsigned count)
{
    thread_count = count;
    pthread_mutex_unlock(&lock);
}
