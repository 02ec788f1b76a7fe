/*
 * test_sample.c: samples of a running thread: at any moment, in malloc, in a switch, in the loader;
 * each has the calls from the innermost one on, and none disturbs the thread.
 */
#include "inspect/process.h"
#include "run/runner.h"
#include "stack/context.h"
#include "sys/thread.h"
#include "sys/thread_state.h"
#include "sys/tools.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SAMPLES = 1500 };
#define WHY_NOT "no real-time signal is free, or registers are not known on this processor"

static void skip_without_samples(void)
{
    if (test_is_emulated() || tools_under_valgrind())
        test_skip("the highest real-time signals are not the program's here");
    if (!asyncp_sys_sampling_begin())
        test_skip(WHY_NOT);
}

static atomic_bool is_over;
static int sampled, with_callers;

/* How many calls a sample has. */
static size_t count_calls(struct unwinder *unwinder, const struct thread_sample *sample)
{
    uint64_t frames[MAX_FRAMES];
    struct registers registers = {.pc = sample->pc, .known = sample->known};
    const struct piece stack = {.address = sample->sp,
                                .bytes = (void *)(uintptr_t)sample->stack,
                                .size = sample->stack_bytes,
                                .was_read = true};
    for (unsigned i = 0; i < CFI_REGISTERS && i < SAMPLE_REGISTERS; i++)
        registers.values[i] = sample->registers[i];
    return asyncp_unwind_from(unwinder, &registers, &stack, &asyncp_any_stack, frames);
}

static void *take_samples(void *thread)
{
    struct thread_sample *sample = malloc(sizeof *sample);
    struct code_range *ranges;
    struct unwinder unwinder;
    size_t count;
    CHECK_EQ(asyncp_own_code(&ranges, &count), 0);
    CHECK_EQ(asyncp_unwinder_open(&unwinder, &asyncp_own_view, ranges, count), 0);
    for (int i = 0; i < SAMPLES; i++)
        if (asyncp_sys_sample(*(int32_t *)thread, sample) == 0) {
            sampled++;
            with_callers += count_calls(&unwinder, sample) > 2;
        }
    asyncp_unwinder_close(&unwinder);
    free(ranges);
    free(sample);
    atomic_store(&is_over, true);
    return NULL;
}

static int yield_often(void)
{
    while (!atomic_load(&is_over))
        ASYNC_TRY(async_sleep(0));
    return 0;
}
async_fn(yield_often);

static int allocate_often(void)
{
    for (size_t i = 0; !atomic_load(&is_over); i++) {
        char *bytes = malloc(1 + i * 37 % 5000);
        CHECK(bytes != NULL);
        memset(bytes, 1, 1 + i * 37 % 5000);
        free(bytes);
        if (i % 16 == 0)
            ASYNC_TRY(async_sleep(0));
    }
    return 0;
}
async_fn(allocate_often);

static int be_sampled(void)
{
    pthread_t thread;
    int32_t self = asyncp_sys_thread_id();
    CHECK_EQ(pthread_create(&thread, NULL, take_samples, &self), 0);
    int result = async_gather(async_create_task(yield_often), async_create_task(allocate_often),
                              async_create_task(yield_often));
    CHECK_EQ(pthread_join(thread, NULL), 0);
    return result;
}
async_fn(be_sampled);

TEST(sample_of_a_thread_may_come_at_any_moment)
{
    skip_without_samples();
    CHECK_EQ(async_run_with(test_options(), be_sampled), 0);
    asyncp_sys_sampling_end();
    CHECK(sampled > SAMPLES / 2);
#ifdef __GLIBC__ /* musl's malloc, in which most samples are, has no unwind tables */
    CHECK(asyncp_switch_resume == NULL || with_callers > sampled / 2);
#endif
}

TEST(sample_of_a_thread_that_has_ended_is_refused)
{
    struct thread_sample *sample = malloc(sizeof *sample);
    skip_without_samples();
    CHECK(sample != NULL);
    CHECK_EQ(asyncp_sys_sample(1 << 30, sample), -ESRCH);
    asyncp_sys_sampling_end();
    free(sample);
}

/* ---- the signal ----------------------------------------------------------------------------- */

static int handled;

static void count_signal(int number)
{
    (void)number;
    handled++;
}

TEST(sample_never_calls_a_handler_that_the_program_has_installed)
{
    struct sigaction mine = {.sa_handler = count_signal}, now;
    struct thread_sample *sample = malloc(sizeof *sample);
    skip_without_samples();
    CHECK(sample != NULL);
    CHECK_EQ(sigaction(SIGRTMAX, &mine, NULL), 0);
    CHECK_EQ(asyncp_sys_sample(asyncp_sys_thread_id(), sample), -EOPNOTSUPP);
    CHECK_EQ(handled, 0);
    asyncp_sys_sampling_end();
    CHECK_EQ(sigaction(SIGRTMAX, NULL, &now), 0);
    CHECK(now.sa_handler == count_signal);
    free(sample);
}

static int catch_each_signal(void)
{
    for (int number = SIGRTMAX; number > SIGRTMAX - 3; number--) {
        async_signals *signals;
        ASYNC_TRY(async_signals_new(&signals, number));
        CHECK_EQ(raise(number), 0);
        CHECK_EQ(async_signals_next(signals), number);
        async_signals_free(signals);
    }
    return 0;
}
async_fn(catch_each_signal);

TEST(sample_leaves_each_signal_to_a_program_that_catches_it)
{
    struct thread_sample *sample = malloc(sizeof *sample);
    skip_without_samples();
    CHECK(sample != NULL);
    CHECK_EQ(async_run_with(test_options(), catch_each_signal), 0);
    CHECK_EQ(asyncp_sys_sample(asyncp_sys_thread_id(), sample), 0);
    asyncp_sys_sampling_end();
    free(sample);
}

/* ---- a signal that the program takes while samples are made ---------------------------------- */

static void *sample_often(void *thread)
{
    struct thread_sample *sample = malloc(sizeof *sample);
    CHECK(sample != NULL);
    while (!atomic_load(&is_over))
        (void)asyncp_sys_sample(*(int32_t *)thread, sample);
    free(sample);
    return NULL;
}

/* A signal that is sent after its handler has gone would end the process. */
TEST(sample_may_be_made_while_the_program_takes_the_signal)
{
    enum { TIMES = 50000 };
    pthread_t thread;
    int32_t self = asyncp_sys_thread_id();
    skip_without_samples();
    CHECK_EQ(pthread_create(&thread, NULL, sample_often, &self), 0);
    for (int i = 0; i < TIMES; i++)
        for (int number = SIGRTMAX; number > SIGRTMAX - 3; number--)
            asyncp_sys_sampling_leave(number);
    atomic_store(&is_over, true);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    asyncp_sys_sampling_end();
}
