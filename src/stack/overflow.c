/*
 * stack/overflow.c: the handler of SIGSEGV. It runs on an alternate stack, looks whether the
 * address lies in the guard of the running stack, and if so says what overflowed and which calls
 * repeat. Every other fault goes to whoever handled it before.
 */
#include "stack/overflow.h"
#include "sys/frames.h"
#include "sys/symbol.h"
#include "sys/sys.h"
#include <pthread.h>
#include <ucontext.h>
#include <unistd.h>

enum { SIGNAL_STACK_SIZE = 64 * 1024 };
enum { NAME_SIZE = 128 };

/* A signal that we handle while a thread is watched. */
struct taken_signal {
    int number;              /* SIGSEGV or SIGBUS */
    struct sigaction before; /* what handled it before; faults that are not ours go there */
    /* once at the end another handler was found in place of ours, and may lead to it */
    bool replaced;
};

static const struct overflow_owner *watcher;             /* the same for all threads */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static unsigned watching;                                /* threads that are watched */
static struct taken_signal taken[] = {{.number = SIGSEGV}, {.number = SIGBUS}};

/* The fault that this thread is passing on to the handler before; NULL: none. */
static __thread struct {
    const void *context; /* where it happened, as the kernel has told us */
    const char *frame;   /* of the handler that passes it on */
} passing __attribute__((tls_model("initial-exec")));

/* Where the flow was, and how far its stack reached. */
static void registers(const void *signal_context, const void **pc, const char **sp)
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

static void explain(const struct stack *stack, size_t guard_size, const void *signal_context)
{
    char name[NAME_SIZE];
    const void *pc;
    const char *sp;
    registers(signal_context, &pc, &sp);
    watcher->explain();
    if (asyncp_symbol(pc, name, sizeof name))
        asyncp_report("    it happened in %s", name);
    const char *lowest = stack->bottom + guard_size;
    asyncp_frames_report(sp > lowest ? sp : lowest, (const char *)stack);
}

static const struct sigaction *handler_before(int number)
{
    return number == SIGBUS ? &taken[1].before : &taken[0].before;
}

/*
 * As if there were no handler: a fault repeats as soon as we return, and ends the program; what was
 * sent does not.
 */
static void end_by_signal(int number, const siginfo_t *info)
{
    signal(number, SIG_DFL);
    if (info->si_code <= 0)
        raise(number);
}

static void call_before(int number, siginfo_t *info, void *signal_context)
{
    const struct sigaction *before = handler_before(number);
    if ((before->sa_flags & SA_SIGINFO) != 0)
        before->sa_sigaction(number, info, signal_context);
    else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN)
        before->sa_handler(number);
    else if (before->sa_handler == SIG_DFL || info->si_code > 0) /* a fault cannot be ignored */
        end_by_signal(number, info);
}

/*
 * The handler before may have learnt of ours and call it in turn, in a circle: then the same fault
 * comes again, deeper on the same stack. A handler that leaves by siglongjmp leaves what is noted
 * here, which then is not deeper.
 */
static void pass_on(int number, siginfo_t *info, void *signal_context)
{
    const char *frame = __builtin_frame_address(0);
    if (passing.context == signal_context && frame < passing.frame) {
        end_by_signal(number, info);
        return;
    }
    const void *outer_context = passing.context;
    const char *outer_frame = passing.frame;
    passing.context = signal_context;
    passing.frame = frame;
    call_before(number, info, signal_context);
    passing.context = outer_context;
    passing.frame = outer_frame;
}

static void on_fault(int number, siginfo_t *info, void *signal_context)
{
    size_t guard_size = 0;
    const struct stack *stack = watcher->running(&guard_size);
    const char *address = info->si_addr;
    if (stack != NULL && info->si_code > 0 && address >= stack->bottom &&
        address < stack->bottom + guard_size) {
        explain(stack, guard_size, signal_context);
        signal(number, SIG_DFL);
        return;
    }
    pass_on(number, info, signal_context);
}

static bool is_ours(const struct sigaction *action)
{
    return (action->sa_flags & SA_SIGINFO) != 0 && action->sa_sigaction == on_fault;
}

/*
 * Whether the handler may be newer than ours, so that it calls ours when a fault is none of its
 * own.
 */
static bool may_lead_to_ours(const struct taken_signal *one, const struct sigaction *now)
{
    bool is_function = (now->sa_flags & SA_SIGINFO) != 0 ||
                       (now->sa_handler != SIG_DFL && now->sa_handler != SIG_IGN);
    return one->replaced && is_function && now->sa_sigaction != one->before.sa_sigaction;
}

/*
 * Ours may still be there, because it could not be given back or was put back: then what was before
 * it stays.
 */
static void take_signal(struct taken_signal *one)
{
    struct sigaction now, action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    if (asyncp_sys_sigaction(one->number, NULL, &now) < 0 || is_ours(&now) ||
        may_lead_to_ours(one, &now))
        return;
    sigemptyset(&action.sa_mask);
    one->before = now;
    asyncp_sys_sigaction(one->number, &action, NULL);
}

/* Puts the former handler back, unless the program has taken the signal since. */
static void give_back(struct taken_signal *one)
{
    struct sigaction now;
    if (asyncp_sys_sigaction(one->number, NULL, &now) < 0)
        return;
    if (is_ours(&now))
        asyncp_sys_sigaction(one->number, &one->before, NULL);
    else
        one->replaced = true;
}

/*
 * 0 or -ENOMEM. Where a program may have no signal stack, an overflow ends it without a message, as
 * it would anyway.
 */
static int take_stack(struct signal_stack *stack)
{
    stack->start = asyncp_sys_map(SIGNAL_STACK_SIZE);
    if (stack->start == NULL)
        return -ENOMEM;
    stack->error = asyncp_sys_signal_stack(stack->start, SIGNAL_STACK_SIZE);
    if (stack->error < 0) {
        asyncp_sys_unmap(stack->start, SIGNAL_STACK_SIZE);
        stack->start = NULL;
    }
    return 0;
}

int asyncp_overflow_open(struct signal_stack *stack, const struct overflow_owner *owner)
{
    *stack = (struct signal_stack){0};
    int result = asyncp_sys_has_signal_stack() ? 0 : take_stack(stack);
    if (result < 0)
        return result;
    pthread_mutex_lock(&lock);
    watcher = owner;
    if (watching++ == 0)
        for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
            take_signal(&taken[i]);
    pthread_mutex_unlock(&lock);
    return 0;
}

void asyncp_overflow_close(struct signal_stack *stack)
{
    pthread_mutex_lock(&lock);
    if (--watching == 0)
        for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
            give_back(&taken[i]);
    pthread_mutex_unlock(&lock);
    if (stack->start != NULL && asyncp_sys_leave_signal_stack(stack->start))
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
    watching = count;
    pthread_mutex_unlock(&lock);
}
