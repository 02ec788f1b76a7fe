/*
 * sched/program_frames.c: keeps the frames that were found last, because to find them takes long.
 * The return addresses of a stack, from the innermost one on, tell the functions and so the sizes
 * of their frames: a stack with the same words at the same offsets has the same frames.
 */
#include "sched/program_frames.h"
#include "sched/sched.h"

enum { MAX_FAILURES = 16 };

/* A word of a stack, perhaps one that was never written. */
TOOLS_NO_CHECKS __attribute__((noinline)) static uintptr_t stack_word(const char *place)
{
    uintptr_t word = *(const volatile uintptr_t *)(const void *)place;
    tools_mark_defined(&word, sizeof word);
    return word;
}

static bool has_frames_of(const struct coroutine *suspended, const struct known_call *call)
{
    const char *sp = suspended->context.sp;
    if (call->count == 0 || call->bytes > (size_t)((const char *)suspended - sp))
        return false;
    for (uint32_t i = 0; i < call->count; i++)
        if (stack_word(sp + call->returns[i].offset) != call->returns[i].word)
            return false;
    return true;
}

/* NULL: it was not looked at. */
static const struct known_call *find_known_call(const struct known_calls *known,
                                                const struct coroutine *suspended)
{
    for (size_t i = 0; i < KNOWN_CALLS; i++)
        if (has_frames_of(suspended, &known->calls[i]))
            return &known->calls[i];
    return NULL;
}

/* NULL: its frames are not found. */
static const struct known_call *examine_stack(struct known_calls *known,
                                              const struct coroutine *suspended)
{
    const char *sp = suspended->context.sp;
    struct library_frame frames[MAX_LIBRARY_FRAMES];
    const size_t size = (size_t)((const char *)suspended - sp);
    if (known->failures == MAX_FAILURES)
        return NULL;
    const size_t count = asyncp_find_library_frames((uintptr_t)asyncp_switch_resume, (uintptr_t)sp,
                                                    size, frames);
    known->failures += count == 0;
    if (count == 0)
        return NULL;
    struct known_call *call = &known->calls[known->added++ % KNOWN_CALLS];
    *call = (struct known_call){.count = (uint32_t)count, .bytes = frames[count - 1].end};
    for (size_t i = 0; i < count; i++)
        call->returns[i] = (struct known_return){frames[i].returns,
                                                 stack_word(sp + frames[i].returns)};
    return call;
}

const char *asyncp_program_frames(struct async_loop *loop, const struct coroutine *suspended)
{
    const char *sp = suspended->context.sp;
    if (loop->debug.known == NULL)
        loop->debug.known = memory_new(&loop->memory, sizeof *loop->debug.known);
    if (loop->debug.known == NULL)
        return sp;
    const struct known_call *call = find_known_call(loop->debug.known, suspended);
    if (call == NULL) {
        const int64_t began_ns = asyncp_sys_clock_now();
        call = examine_stack(loop->debug.known, suspended);
        loop->debug.looked_ns += asyncp_sys_clock_now() - began_ns;
    }
    return call != NULL ? sp + call->bytes : sp;
}

void asyncp_program_frames_close(struct async_loop *loop)
{
    memory_free(&loop->memory, loop->debug.known, sizeof *loop->debug.known);
    loop->debug.known = NULL;
}
