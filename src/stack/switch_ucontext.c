/*
 * stack/switch_ucontext.c: the switch for processors that have no assembly of their own yet, from
 * libc's swapcontext. Slower, because it asks for the signal mask and sets it by system calls. A
 * stack pointer here is the address of the ucontext_t that lies on the stack it describes, so that
 * context.h holds for both.
 */
#include "stack/context.h"
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

/* What lies at the top of a new stack until its flow begins. */
struct beginning {
    ucontext_t context;     /* goes on in start() */
    void *(*entry)(void *); /* what start() calls */
    void *argument;         /* with this */
};

/*
 * Not every libc's swapcontext saves the floating-point registers that a call preserves: glibc's
 * for LoongArch does not. Then the compiler is told that they are lost, so it saves them in this
 * frame.
 */
#if defined(__loongarch_hard_float)
#define NUMBERS_ARE_LOST()                                                                         \
    __asm__ volatile("" ::: "$f24", "$f25", "$f26", "$f27", "$f28", "$f29", "$f30", "$f31")
#else
#define NUMBERS_ARE_LOST() (void)0
#endif

/*
 * The signal mask is the thread's, as with the switches in assembly; libc makes it one of the
 * context's.
 */
static ucontext_t *with_mask_of_thread(void *load)
{
    ucontext_t *context = load;
    pthread_sigmask(SIG_SETMASK, NULL, &context->uc_sigmask);
    return context;
}

void asyncp_switch(void **save, void *load)
{
    ucontext_t here;
    *save = &here;
    swapcontext(&here, with_mask_of_thread(load));
    NUMBERS_ARE_LOST();
}

/* makecontext passes ints: the pointer comes in two halves. */
static void start(unsigned high, unsigned low)
{
    struct beginning *beginning = (struct beginning *)(((uintptr_t)high << 16 << 16) | low);
    setcontext(with_mask_of_thread(beginning->entry(beginning->argument)));
    asyncp_broken("the next context goes on", __func__);
}

void *asyncp_switch_prepare(void *top, void *(*entry)(void *), void *argument)
{
    uintptr_t address = ((uintptr_t)top - sizeof(struct beginning)) & ~(uintptr_t)63;
    struct beginning *beginning = (struct beginning *)address;
    beginning->entry = entry;
    beginning->argument = argument;
    getcontext(&beginning->context);
    enum { ANY_SIZE = 4096 }; /* only the stack's top matters: ss_sp + ss_size */
    beginning->context.uc_stack.ss_sp = (void *)(address - ANY_SIZE);
    beginning->context.uc_stack.ss_size = ANY_SIZE;
    beginning->context.uc_link = NULL;
    makecontext(&beginning->context, (void (*)(void))start, 2, (unsigned)(address >> 16 >> 16),
                (unsigned)address);
    return &beginning->context;
}
