/*
 * test_switch.c: the state that a switch preserves. Most tests switch contexts by hand, without a
 * loop.
 */
#include "stack/context.h"
#include "processor.h"
#include "run/runner.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unwind.h>

enum { STACK_SIZE = 1 << 16 };

/* Two contexts: the test's own, and one on another stack. */
static struct context home, away;
static _Alignas(64) char stack[STACK_SIZE];

/* Makes a flow that calls entry(argument) on the stack, which ends here. */
static void prepare_below(char *top, void *(*entry)(void *), void *argument)
{
    static struct tool_stack known;
    static bool known_already;
    if (!known_already)
        tools_stack_mapped(&known, stack, stack + STACK_SIZE);
    known_already = true;
    context_prepare(&away, &known, top, entry, argument);
}

static void prepare(void *(*entry)(void *), void *argument)
{
    prepare_below(stack + STACK_SIZE, entry, argument);
}

static void go_away(void)
{
    context_switch(&home, &away);
}

static void go_home(void)
{
    context_switch(&away, &home);
}

/* ---- there and back ------------------------------------------------------------------------- */

TOOLS_NO_TSAN static void *note_where_it_runs(void *argument)
{
    char local;
    context_begin(&away, &home);
    *(const char **)argument = &local;
    go_home();
    *(const char **)argument = NULL;
    return context_end(&home);
}

TEST(switch_enters_a_new_flow_on_its_own_stack)
{
    const char *seen = NULL;
    prepare(note_where_it_runs, &seen);
    go_away();
    CHECK(seen > stack && seen < stack + STACK_SIZE);
    go_away();
    CHECK(seen == NULL);
}

enum { MILLION = 1000000 };

TOOLS_NO_TSAN static void *count_turns(void *argument)
{
    context_begin(&away, &home);
    for (int *count = argument; *count < MILLION; ++*count)
        go_home();
    return context_end(&home);
}

TEST(switch_goes_a_million_times_there_and_back)
{
    int count = 0;
    prepare(count_turns, &count);
    go_away();
    for (int i = 0; i < MILLION; i++) {
        CHECK_EQ(count, i);
        go_away();
    }
    CHECK_EQ(count, MILLION);
}

/* Each level keeps something on the stack while the flow is away, and finds it afterwards. */
static unsigned descend(unsigned level)
{
    volatile unsigned kept = level * 2654435761u;
    unsigned below = 0;
    if (level > 0)
        below = descend(level - 1);
    go_home();
    CHECK_EQ(kept, level * 2654435761u);
    return below + 1;
}

TOOLS_NO_TSAN static void *go_deep(void *argument)
{
    context_begin(&away, &home);
    *(unsigned *)argument = descend(100);
    return context_end(&home);
}

TEST(switch_leaves_and_enters_in_the_middle_of_deep_calls)
{
    unsigned levels = 0;
    prepare(go_deep, &levels);
    for (int i = 0; i < 101; i++) {
        go_away();
        CHECK_EQ(levels, 0);
    }
    go_away();
    CHECK_EQ(levels, 101);
}

/* ---- registers ------------------------------------------------------------------------------ */

/*
 * Eight numbers that live across the switch: an optimising compiler has them in floating-point
 * registers that a call preserves, if the processor has such.
 */
static void switch_with_numbers(struct context *from, struct context *to, double first)
{
    volatile double source = first;
    double a = source, b = source + 1, c = source + 2, d = source + 3;
    double e = source + 4, f = source + 5, g = source + 6, h = source + 7;
    context_switch(from, to);
    CHECK(a == first && b == first + 1 && c == first + 2 && d == first + 3);
    CHECK(e == first + 4 && f == first + 5 && g == first + 6 && h == first + 7);
}

TOOLS_NO_TSAN static void *disturb_numbers(void *argument)
{
    (void)argument;
    context_begin(&away, &home);
    for (int first = 1000; first < 1100; first++)
        switch_with_numbers(&away, &home, first);
    return context_end(&home);
}

TEST(switch_preserves_floating_point_numbers)
{
    prepare(disturb_numbers, NULL);
    for (int first = 1; first < 50; first++)
        switch_with_numbers(&home, &away, first);
}

#if PROCESSOR_IS_KNOWN
/*
 * Switches with all registers full of numbers that begin with first, and checks that they come
 * back.
 */
static void switch_and_compare(struct context *from, struct context *to, uint64_t first)
{
    uint64_t in[PRESERVED], out[PRESERVED] = {0};
    for (uint64_t i = 0; i < PRESERVED; i++)
        in[i] = (first + i) * 0x0101010101010101u;
    switch_with_registers(&from->sp, to->sp, in, out);
    for (int i = 0; i < PRESERVED; i++)
        CHECK_EQ(in[i], out[i]);
}

TOOLS_NO_TSAN static void *disturb_registers(void *argument)
{
    (void)argument;
    for (uint64_t first = 100; first < 200; first++)
        switch_and_compare(&away, &home, first);
    return context_end(&home);
}

TEST(switch_preserves_what_a_call_preserves)
{
    prepare(disturb_registers, NULL);
    for (uint64_t first = 1; first < 50; first++)
        switch_and_compare(&home, &away, first);
}

/* ---- signals -------------------------------------------------------------------------------- */

static void set_blocked(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    CHECK_EQ(pthread_sigmask(how, &set, NULL), 0);
}

static bool is_blocked(void)
{
    sigset_t set;
    CHECK_EQ(pthread_sigmask(SIG_SETMASK, NULL, &set), 0);
    return sigismember(&set, SIGUSR1) == 1;
}

TOOLS_NO_TSAN static void *block_and_unblock(void *argument)
{
    (void)argument;
    context_begin(&away, &home);
    set_blocked(SIG_BLOCK);
    go_home();
    CHECK(is_blocked());
    set_blocked(SIG_UNBLOCK);
    return context_end(&home);
}

TEST(switch_does_not_change_the_signal_mask)
{
    prepare(block_and_unblock, NULL);
    go_away();
    CHECK(is_blocked());
    go_away();
    CHECK(!is_blocked());
}

/* ---- floating-point control ----------------------------------------------------------------- */

/* By hand, because fesetround would need libm; apart, so that no arithmetic is moved across it. */
__attribute__((noinline)) static void set_rounding(enum rounding mode)
{
    if (tools_under_valgrind())
        test_skip("valgrind rounds to nearest, whatever it is told");
    processor_round(mode);
}

/*
 * By arithmetic, in both units where there are two: the nearest number to a seventh lies below it.
 */
__attribute__((noinline)) static bool rounds_up(void)
{
    static const double below = 1.0 / 7;
    static const long double long_below = 1.0L / 7;
    volatile double one = 1, seventh = one / 7;
    volatile long double long_one = 1, long_seventh = long_one / 7;
    CHECK_EQ(seventh > below, long_seventh > long_below);
    return seventh > below;
}

TOOLS_NO_TSAN static void *round_up_from_now_on(void *argument)
{
    context_begin(&away, &home);
    CHECK(!rounds_up());
    set_rounding(UPWARD);
    for (int *turns = argument; *turns < 10; ++*turns) {
        CHECK(rounds_up());
        go_home();
    }
    return context_end(&home);
}

TEST(switch_gives_each_flow_its_own_rounding)
{
    int turns = 0;
    prepare(round_up_from_now_on, &turns);
    while (turns < 10) {
        CHECK(!rounds_up());
        go_away();
    }
    CHECK(!rounds_up()); /* also when the other ended */
}

TOOLS_NO_TSAN static void *tell_rounding(void *argument)
{
    context_begin(&away, &home);
    *(bool *)argument = rounds_up();
    return context_end(&home);
}

TEST(switch_starts_a_flow_with_the_rounding_of_its_maker)
{
    bool rounded_up = false;
    set_rounding(UPWARD);
    prepare(tell_rounding, &rounded_up);
    set_rounding(NEAREST);
    go_away();
    CHECK(rounded_up);
    CHECK(!rounds_up());
}

/* A third flow, for the change from one that ends to one that begins. */
static struct context after;

TOOLS_NO_TSAN static void *tell_rounding_after(void *argument)
{
    context_begin(&after, &home);
    *(bool *)argument = rounds_up();
    return context_end(&home);
}

TOOLS_NO_TSAN static void *end_rounding_up(void *argument)
{
    (void)argument;
    context_begin(&away, &home);
    set_rounding(UPWARD);
    return context_end(&after);
}

/* Neither waits between the two: the one is over, the other has not begun. */
TEST(switch_goes_from_the_end_of_a_flow_to_the_beginning_of_the_next)
{
    static _Alignas(64) char stack_after[STACK_SIZE];
    struct tool_stack known_after;
    bool rounded_up = true;
    prepare(end_rounding_up, NULL);
    tools_stack_mapped(&known_after, stack_after, stack_after + STACK_SIZE);
    context_prepare(&after, &known_after, stack_after + STACK_SIZE, tell_rounding_after,
                    &rounded_up);
    go_away();
    CHECK(!rounded_up);
    CHECK(!rounds_up());
}

#if defined(__x86_64__)
/* The control bits of both units; the status flags in mxcsr's low six bits are left out. */
struct control {
    uint32_t mxcsr; /* of SSE */
    uint16_t x87;   /* control word of the other unit */
};

enum { CONTROL_BITS = 0xffc0 };

static struct control get_control(void)
{
    struct control now;
    __asm__ volatile("stmxcsr %0; fnstcw %1" : "=m"(now.mxcsr), "=m"(now.x87));
    now.mxcsr &= CONTROL_BITS;
    return now;
}

static void set_control(struct control control)
{
    if (tools_under_valgrind())
        test_skip("valgrind keeps no more of the control words than it needs");
    __asm__ volatile("fnclex; ldmxcsr %0; fldcw %1" : : "m"(control.mxcsr), "m"(control.x87));
}

static void check_control(struct control expected)
{
    struct control now = get_control();
    CHECK_EQ(now.mxcsr, expected.mxcsr);
    CHECK_EQ(now.x87, expected.x87);
}

/* Sets the control word, and keeps it while others run. */
TOOLS_NO_TSAN static void *keep_control(void *argument)
{
    const struct control *control = argument;
    context_begin(&away, &home);
    set_control(*control);
    go_home();
    check_control(*control);
    return context_end(&home);
}

static void keep_apart(struct control here, struct control there)
{
    prepare(keep_control, &there);
    go_away();
    check_control(here);
    go_away();
    check_control(here);
}

/*
 * Rounding, precision, signals, flushing to zero: the choice of one context does not affect
 * another.
 */
TEST(switch_keeps_each_bit_of_floating_point_control_apart)
{
    static const uint16_t x87_bits[] = {0x001, 0x002, 0x004, 0x008, 0x010,
                                        0x020, 0x100, 0x400, 0x800};
    struct control here = get_control();
    for (uint32_t bit = 1 << 6; bit < 1 << 16; bit <<= 1)
        keep_apart(here, (struct control){here.mxcsr ^ bit, here.x87});
    for (size_t i = 0; i < sizeof x87_bits / sizeof x87_bits[0]; i++)
        keep_apart(here, (struct control){here.mxcsr, here.x87 ^ x87_bits[i]});
}
#else
TEST(switch_keeps_each_bit_of_floating_point_control_apart)
{
    test_skip("this processor has one control word, which the tests of rounding look at");
}
#endif

static int note_rounding(bool *up)
{
    *up = rounds_up();
    ASYNC_TRY(async_sleep(0));
    CHECK_EQ(rounds_up(), *up);
    return 0;
}
async_fn(note_rounding, bool *);

/*
 * As it was when the task was created, not when it begins, nor as the stack's previous task had it.
 */
LOOP_TEST(switch_starts_a_task_with_the_rounding_of_its_creator)
{
    bool up = false, nearest = true, again = true;
    set_rounding(UPWARD);
    async_task *rounds_up_too = async_create_task(note_rounding, &up);
    set_rounding(NEAREST);
    async_task *does_not = async_create_task(note_rounding, &nearest);
    CHECK_EQ(async_gather(rounds_up_too, does_not), 0);
    CHECK_EQ(async_await(async_create_task(note_rounding, &again)), 0);
    CHECK(up && !nearest && !again);
    return 0;
}

static int round_up_for(int turns)
{
    set_rounding(UPWARD);
    for (int i = 0; i < turns; i++) {
        ASYNC_TRY(async_sleep(0));
        CHECK(rounds_up());
    }
    return 0;
}
async_fn(round_up_for, int);

static int round_nearest_for(int turns)
{
    for (int i = 0; i < turns; i++) {
        ASYNC_TRY(async_sleep(0));
        CHECK(!rounds_up());
    }
    return 0;
}
async_fn(round_nearest_for, int);

static void check_nearest(void *argument)
{
    CHECK(!rounds_up());
    ++*(int *)argument;
}

LOOP_TEST(switch_gives_each_task_its_own_rounding)
{
    int called = 0;
    async_task *tasks[] = {async_create_task(round_up_for, 10),
                           async_create_task(round_nearest_for, 20),
                           async_create_task(round_up_for, 30)};
    for (int i = 0; i < 40; i++) {
        async_call_soon(check_nearest, &called); /* the loop has its own as well */
        CHECK_EQ(async_sleep(0), 0);
        CHECK(!rounds_up());
    }
    CHECK(called > 30);
    return async_gather_n(tasks, 3, NULL, ASYNC_FIRST_ERROR);
}
#endif

/* ---- alignment ------------------------------------------------------------------------------ */

/*
 * The bytes that a call and the callee's prologue push before the frame's address, and the
 * alignment of the stack.
 */
#if defined(__i386__) || defined(__x86_64__)
enum { FRAME_RECORD = 2 * sizeof(void *), FRAME_ALIGNMENT = 16 };
#elif defined(__aarch64__) || defined(__riscv)
enum { FRAME_RECORD = 0, FRAME_ALIGNMENT = 16 };
#else
enum { FRAME_RECORD = 0, FRAME_ALIGNMENT = 8 };
#endif

/*
 * The alignment of the calling convention shows in the frame's address; vector moves in libc rely
 * on it.
 */
TOOLS_NO_TSAN static void *check_alignment(void *argument)
{
    char text[64];
    context_begin(&away, &home);
    CHECK_EQ(((uintptr_t)__builtin_frame_address(0) + FRAME_RECORD) % FRAME_ALIGNMENT, 0);
    snprintf(text, sizeof text, "%.1f %.1Lf", 1.5, 2.5L);
    CHECK_STR(text, "1.5 2.5");
    *(bool *)argument = true;
    return context_end(&home);
}

TEST(switch_aligns_a_new_stack_whatever_its_top)
{
    for (size_t offset = 0; offset < 32; offset++) {
        bool ran = false;
        prepare_below(stack + STACK_SIZE - offset, check_alignment, &ran);
        go_away();
        CHECK(ran);
    }
}

/* ---- unwinding ------------------------------------------------------------------------------ */

#if TEST_HAS_UNWINDER
enum { MAX_FRAMES = 50, ABOVE = 1024 };

struct walk {
    int frames;      /* seen so far */
    int after_entry; /* of them, since the flow's first function was met */
};

static void *walk_out(void *argument);

static _Unwind_Reason_Code see_frame(struct _Unwind_Context *frame, void *argument)
{
    struct walk *walk = argument;
    void *function = _Unwind_FindEnclosingFunction((void *)_Unwind_GetIP(frame));
    if (function == (void *)(uintptr_t)walk_out || walk->after_entry > 0)
        walk->after_entry++;
    return ++walk->frames < MAX_FRAMES ? _URC_NO_REASON : _URC_END_OF_STACK;
}

TOOLS_NO_TSAN static void *walk_out(void *argument)
{
    context_begin(&away, &home);
    _Unwind_Backtrace(see_frame, argument);
    return context_end(&home);
}

/*
 * The bytes above the stack would lead an unwinder that does not stop in time from frame to frame.
 */
TEST(switch_lets_an_unwinder_find_the_end_of_the_stack)
{
    struct walk walk = {0};
    void **word = (void **)(void *)(stack + STACK_SIZE);
    for (size_t i = 1; i <= ABOVE / sizeof *word; i++)
        word[-(ptrdiff_t)i] = (char *)(uintptr_t)walk_out + 1;
    prepare_below(stack + STACK_SIZE - ABOVE, walk_out, &walk);
    go_away();
    CHECK(walk.after_entry >= 1 &&
          walk.after_entry <= 4); /* the entry, and its callers, also libc's */
    CHECK(walk.frames < MAX_FRAMES);
}
#else
TEST(switch_lets_an_unwinder_find_the_end_of_the_stack)
{
    test_skip("this compiler has no unwinder for this libc");
}
#endif

/* ---- the same with tasks -------------------------------------------------------------------- */

enum { ROUNDS = 1000, LEVELS = 20 };

/*
 * Goes a number of calls deep and waits there, again and again; the stacks of many tasks have many
 * depths.
 */
static int wait_deep(int level, int *turns)
{
    volatile int kept = level;
    if (level > 0)
        ASYNC_TRY(wait_deep(level - 1, turns));
    for (int i = 0; i < ROUNDS / LEVELS; i++) {
        ASYNC_TRY(async_sleep(0));
        ++*turns;
    }
    CHECK_EQ(kept, level);
    return 0;
}
async_fn(wait_deep, int, int *);

LOOP_TEST(switch_between_tasks_of_many_depths)
{
    async_task *tasks[LEVELS];
    int turns = 0;
    for (int i = 0; i < LEVELS; i++)
        tasks[i] = async_create_task(wait_deep, i, &turns);
    CHECK_EQ(async_gather_n(tasks, LEVELS, NULL, ASYNC_FIRST_ERROR), 0);
    CHECK_EQ(turns, LEVELS * (LEVELS + 1) / 2 * (ROUNDS / LEVELS));
    return 0;
}

static int take_turns(int *turns)
{
    for (int i = 0; i < MILLION / 2; i++, ++*turns)
        ASYNC_TRY(async_sleep(0));
    return 0;
}
async_fn(take_turns, int *);

static int take_turns_together(int *turns)
{
    return async_gather(async_create_task(take_turns, turns), async_create_task(take_turns, turns));
}
async_fn(take_turns_together, int *);

/* On the real clock, where tasks go straight on to each other without the loop in between. */
TEST(switch_between_tasks_a_million_times)
{
    int turns = 0;
    const async_run_options options = {.backend = "epoll"};
    CHECK_EQ(async_run_with(&options, take_turns_together, &turns), 0);
    CHECK_EQ(turns, MILLION);
}
