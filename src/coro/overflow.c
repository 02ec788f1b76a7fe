/*
 * coro/overflow.c: the handler of SIGSEGV. It runs on an alternate stack, looks whether the address lies in the
 * guard of the running stack, and if so says what overflowed and which calls repeat. Every other fault goes
 * to whoever handled it before.
 */
#include "coro/overflow.h"
#include "sys/frames.h"
#include "sys/symbol.h"
#include "sys/sys.h"
#include <pthread.h>
#include <ucontext.h>
#include <unistd.h>

enum { SIGNAL_STACK_SIZE = 64 * 1024 };
enum { NAME_SIZE = 128 };

static const struct overflow_owner *watcher;             /* the same for all threads */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards what follows */
static unsigned watching;                                /* threads that are watched */
static struct sigaction before_segv, before_bus;         /* whoever handled them before */

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
    if (async__symbol(pc, name, sizeof name))
        async__report("    it happened in %s", name);
    const char *lowest = stack->bottom + guard_size;
    async__frames_report(sp > lowest ? sp : lowest, (const char *)stack);
}

static void pass_on(int number, siginfo_t *info, void *signal_context)
{
    const struct sigaction *before = number == SIGBUS ? &before_bus : &before_segv;
    if ((before->sa_flags & SA_SIGINFO) != 0) {
        before->sa_sigaction(number, info, signal_context);
    } else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN) {
        before->sa_handler(number);
    } else if (before->sa_handler == SIG_DFL || info->si_code > 0) { /* a fault cannot be ignored */
        signal(number, SIG_DFL); /* the fault repeats as soon as we return, and ends the program */
        if (info->si_code <= 0)
            raise(number); /* it was sent, and would not repeat */
    }
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

static void take_signals(void)
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    async__sys_sigaction(SIGSEGV, &action, &before_segv);
    async__sys_sigaction(SIGBUS, &action, &before_bus);
}

/* Puts the former handler back, unless somebody else has taken the signal since. */
static void give_back(int number, const struct sigaction *before)
{
    struct sigaction now;
    if (async__sys_sigaction(number, NULL, &now) == 0 && now.sa_sigaction == on_fault)
        async__sys_sigaction(number, before, NULL);
}

static int take_stack(struct signal_stack *stack)
{
    stack->start = async__sys_map(SIGNAL_STACK_SIZE);
    if (stack->start == NULL)
        return -ENOMEM;
    int result = async__sys_signal_stack(stack->start, SIGNAL_STACK_SIZE);
    if (result < 0)
        async__sys_unmap(stack->start, SIGNAL_STACK_SIZE);
    return result;
}

int async__overflow_open(struct signal_stack *stack, const struct overflow_owner *owner)
{
    *stack = (struct signal_stack){0};
    int result = async__sys_has_signal_stack() ? 0 : take_stack(stack);
    if (result < 0)
        return result;
    pthread_mutex_lock(&lock);
    watcher = owner;
    if (watching++ == 0)
        take_signals();
    pthread_mutex_unlock(&lock);
    return 0;
}

void async__overflow_close(struct signal_stack *stack)
{
    pthread_mutex_lock(&lock);
    if (--watching == 0) {
        give_back(SIGSEGV, &before_segv);
        give_back(SIGBUS, &before_bus);
    }
    pthread_mutex_unlock(&lock);
    if (stack->start != NULL) {
        async__sys_no_signal_stack();
        async__sys_unmap(stack->start, SIGNAL_STACK_SIZE);
    }
}
