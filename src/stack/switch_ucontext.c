/*
 * stack/switch_ucontext.c: the switch for processors without an assembly version, by libc's
 * swapcontext. It is slower: it reads and sets the signal mask with system calls. A "stack pointer"
 * of context.h is here the address of a ucontext_t on the stack.
 */
#include "stack/context.h"
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

/* The top of a new stack until its context starts. */
struct new_stack {
    ucontext_t context; /* starts in run_entry() */
    void *(*entry)(void *);
    void *argument;
};

/*
 * glibc's swapcontext for LoongArch does not save the callee-saved floating-point registers. As
 * clobbered registers the compiler saves them in this frame.
 */
#if defined(__loongarch_hard_float)
#define CLOBBER_FLOAT_REGISTERS()                                                                  \
    __asm__ volatile("" ::: "$f24", "$f25", "$f26", "$f27", "$f28", "$f29", "$f30", "$f31")
#else
#define CLOBBER_FLOAT_REGISTERS() (void)0
#endif

/*
 * The signal mask belongs to the thread, as with the assembly switches; libc saves it by context.
 */
static ucontext_t *keep_signal_mask(void *load)
{
    ucontext_t *context = load;
    pthread_sigmask(SIG_SETMASK, NULL, &context->uc_sigmask);
    return context;
}

const void *const asyncp_switch_resume = NULL;

void asyncp_switch(void **save, void *load)
{
    ucontext_t here;
    *save = &here;
    swapcontext(&here, keep_signal_mask(load));
    CLOBBER_FLOAT_REGISTERS();
}

/* makecontext passes ints, so the pointer comes in two halves. */
static void run_entry(unsigned high, unsigned low)
{
    struct new_stack *stack = (struct new_stack *)(((uintptr_t)high << 16 << 16) | low);
    setcontext(keep_signal_mask(stack->entry(stack->argument)));
    asyncp_broken("the next context goes on", __func__);
}

void *asyncp_switch_prepare(void *top, void *(*entry)(void *), void *argument)
{
    uintptr_t address = ((uintptr_t)top - sizeof(struct new_stack)) & ~(uintptr_t)63;
    struct new_stack *stack = (struct new_stack *)address;
    stack->entry = entry;
    stack->argument = argument;
    getcontext(&stack->context);
    enum { ANY_SIZE = 4096 }; /* makecontext uses only ss_sp + ss_size */
    stack->context.uc_stack.ss_sp = (void *)(address - ANY_SIZE);
    stack->context.uc_stack.ss_size = ANY_SIZE;
    stack->context.uc_link = NULL;
    makecontext(&stack->context, (void (*)(void))run_entry, 2, (unsigned)(address >> 16 >> 16),
                (unsigned)address);
    return &stack->context;
}
