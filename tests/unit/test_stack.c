/*
 * test_stack.c: the pool of stacks: sizes, the order of reuse, slabs that grow and are given back,
 * colours, and the three kinds of guard, each of which must stop or detect a write into it.
 */
#include "sched/sched.h"
#include "run/deny.h"
#include "run/runner.h"
#include "sys/number.h"
#include "sys/map.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Stands for the coroutine: the control block at the top of a stack. */
struct control {
    long number;        /* its owner */
    struct stack stack; /* the stack it lies on */
};

static struct stack_pool pool;

static void open_pool(void)
{
    asyncp_stack_pool_open(&pool, sizeof(struct control), offsetof(struct control, stack),
                           test_options()->allocator);
}

/* A stack of 2^log bytes, or of a page where that is more. */
static struct stack *take(unsigned log)
{
    struct stack *stack = stack_take(&pool, log > pool.min_log ? log : pool.min_log);
    CHECK(stack != NULL);
    return stack;
}

static struct control *control_of(struct stack *stack)
{
    struct control *control = CONTAINER_OF(stack, struct control, stack);
    CHECK((char *)control == stack_control(&pool, stack));
    return control;
}

/* ---- sizes ---------------------------------------------------------------------------------- */

TEST(stack_sizes_are_powers_of_two_from_16_KiB_to_1_GiB)
{
    const size_t gigabyte = (size_t)1 << 30;
    pool = (struct stack_pool){.min_log = MIN_STACK_LOG};
    CHECK_EQ(asyncp_stack_log(&pool, 1), 14);
    CHECK_EQ(asyncp_stack_log(&pool, 16384), 14);
    CHECK_EQ(asyncp_stack_log(&pool, 16385), 15);
    CHECK_EQ(asyncp_stack_log(&pool, 0), DEFAULT_STACK_LOG);
    CHECK_EQ(asyncp_stack_log(&pool, 65536), DEFAULT_STACK_LOG);
    CHECK_EQ(asyncp_stack_log(&pool, gigabyte - 1), 30);
    CHECK_EQ(asyncp_stack_log(&pool, gigabyte), 30);
    CHECK_EQ(asyncp_stack_log(&pool, gigabyte + 1), 0);
}

/* A page of 64 KiB and no less: its pool has no smaller stacks, and the default is one page. */
TEST(stack_is_never_smaller_than_a_page)
{
    open_pool();
    CHECK((size_t)1 << pool.min_log >= pool.page);
    CHECK(pool.min_log == MIN_STACK_LOG || (size_t)1 << (pool.min_log - 1) < pool.page);
    CHECK_EQ(asyncp_stack_log(&pool, 1), pool.min_log);
    struct stack *stack = take(pool.min_log);
    CHECK_EQ(stack->slab->slot_size, pool.guard_size + stack_size(stack));
    stack_give(&pool, stack);
    asyncp_stack_pool_close(&pool);
}

TEST(stack_of_any_size_can_be_used_from_end_to_end)
{
    open_pool();
    for (unsigned log = pool.min_log; log <= MAX_STACK_LOG; log++) {
        struct stack *stack = take(log);
        char *control = (char *)control_of(stack), *lowest = stack_limit(&pool, stack);
        CHECK_EQ(stack_size(stack), (size_t)1 << log);
        CHECK((uintptr_t)control % 64 == 0);
        CHECK(control + sizeof(struct control) <= lowest + stack_size(stack));
        control[-1] = lowest[0] = 1;
        stack_give(&pool, stack);
    }
    asyncp_stack_pool_close(&pool);
}

TEST(stack_pool_keeps_sizes_apart)
{
    open_pool();
    struct stack *small = take(14), *large = take(20);
    stack_give(&pool, small);
    struct stack *other = take(20);
    CHECK(other != small && other != large);
    CHECK(take(14) == small);
    stack_give(&pool, small);
    stack_give(&pool, large);
    stack_give(&pool, other);
    asyncp_stack_pool_close(&pool);
}

/* ---- many, and again ------------------------------------------------------------------------ */

enum { SEVERAL = 100 };

static int by_address(const void *a, const void *b)
{
    const char *first = (*(struct stack *const *)a)->bottom,
               *second = (*(struct stack *const *)b)->bottom;
    return (first > second) - (first < second);
}

TEST(stack_pool_gives_stacks_that_do_not_overlap)
{
    struct stack *stacks[SEVERAL];
    open_pool();
    for (int i = 0; i < SEVERAL; i++)
        stacks[i] = take(14);
    qsort(stacks, SEVERAL, sizeof stacks[0], by_address);
    for (int i = 1; i < SEVERAL; i++)
        CHECK(stack_limit(&pool, stacks[i - 1]) + stack_size(stacks[i - 1]) <= stacks[i]->bottom);
    for (int i = 0; i < SEVERAL; i++)
        stack_give(&pool, stacks[i]);
    CHECK_EQ(asyncp_stack_count(&pool).in_use, 0);
    CHECK_EQ(asyncp_stack_count(&pool).idle, SEVERAL);
    asyncp_stack_pool_close(&pool);
}

TEST(stack_given_back_last_is_taken_first)
{
    open_pool();
    struct stack *a = take(16), *b = take(16), *c = take(16);
    stack_give(&pool, b);
    stack_give(&pool, a);
    CHECK(take(16) == a);
    CHECK(take(16) == b);
    CHECK_EQ(asyncp_stack_count(&pool).in_use, 3);
    CHECK_EQ(asyncp_stack_count(&pool).idle, 0);
    stack_give(&pool, a);
    stack_give(&pool, b);
    stack_give(&pool, c);
    asyncp_stack_pool_close(&pool);
}

TEST(stack_slabs_double_up_to_a_limit)
{
    enum { ALL = 16 + 32 + 64 + 128 + 256 + 512 + 1024 + 2048 + 4096 + 4096 };
    static struct stack *stacks[ALL];
    open_pool();
    uint32_t expected = 16, left = 0;
    for (int i = 0; i < ALL; i++, left--) {
        stacks[i] = take(14);
        if (left == 0) {
            left = stacks[i]->slab->slots;
            CHECK_EQ(left, expected);
            expected = expected < 4096 ? expected * 2 : 4096;
        }
    }
    for (int i = 0; i < ALL; i++)
        stack_give(&pool, stacks[i]);
    asyncp_stack_pool_close(&pool);
}

TEST(stack_slabs_have_at_most_256_MiB)
{
    open_pool();
    struct stack *stack = take(26), *huge = take(30);
    CHECK_EQ(stack->slab->slots, 4);
    CHECK_EQ(huge->slab->slots, 1);
    stack_give(&pool, stack);
    stack_give(&pool, huge);
    asyncp_stack_pool_close(&pool);
}

static void trim_what_rests(void)
{
    asyncp_stack_trim(&pool);
    asyncp_stack_trim(&pool);
}

/* The next wave of tasks finds its stacks warm. */
TEST(stack_trim_keeps_what_was_used_since_the_last_one)
{
    open_pool();
    struct stack *stack = take(14);
    asyncp_stack_trim(&pool);
    stack_give(&pool, stack);
    asyncp_stack_trim(&pool);
    CHECK_EQ(asyncp_stack_count(&pool).idle, 1);
    CHECK(take(14) == stack);
    asyncp_stack_trim(&pool);
    stack_give(&pool, stack);
    asyncp_stack_trim(&pool);
    CHECK_EQ(asyncp_stack_count(&pool).idle, 1);
    asyncp_stack_trim(&pool);
    CHECK_EQ(asyncp_stack_count(&pool).idle, 0);
    asyncp_stack_pool_close(&pool);
}

TEST(stack_trim_gives_back_only_unused_slabs)
{
    struct stack *stacks[SEVERAL];
    open_pool();
    for (int i = 0; i < SEVERAL; i++)
        stacks[i] = take(16);
    struct stack *kept = stacks[20]; /* in the second slab, between those of 16 and of 64 */
    for (int i = 0; i < SEVERAL; i++)
        if (stacks[i] != kept)
            stack_give(&pool, stacks[i]);
    trim_what_rests();
    CHECK(pool.slabs == kept->slab && pool.slabs->next == NULL);
    CHECK_EQ(asyncp_stack_count(&pool).in_use, 1);
    CHECK_EQ(asyncp_stack_count(&pool).idle, 31);
    *stack_limit(&pool, kept) = 1; /* still there */
    struct stack *again = take(16);
    CHECK(again->slab == kept->slab);
    stack_give(&pool, again);
    stack_give(&pool, kept);
    asyncp_stack_pool_close(&pool);
}

TEST(stack_trim_of_an_idle_pool_leaves_nothing_mapped)
{
    struct stack *stacks[SEVERAL];
    long mapped = asyncp_mapped_bytes;
    open_pool();
    for (int i = 0; i < SEVERAL; i++)
        stacks[i] = take(14 + (unsigned)i % 3);
    for (int i = 0; i < SEVERAL; i++)
        stack_give(&pool, stacks[i]);
    trim_what_rests();
    CHECK_EQ(asyncp_mapped_bytes, mapped);
    CHECK_EQ(asyncp_stack_count(&pool).idle, 0);
    struct stack *again = take(14);
    CHECK_EQ(again->slab->slots, 16); /* it begins anew, small */
    stack_give(&pool, again);
    asyncp_stack_pool_close(&pool);
}

TEST(stack_colours_spread_the_tops)
{
    enum { COLOURS = 12, SET_STEP = 64 };
    bool met[4096 / SET_STEP] = {false};
    struct stack *stacks[COLOURS];
    open_pool();
    for (int i = 0; i < COLOURS; i++) {
        stacks[i] = take(16);
        size_t line = (uintptr_t)control_of(stacks[i]) % 4096 / SET_STEP;
        CHECK(!met[line]);
        met[line] = true;
    }
    for (int i = 0; i < COLOURS; i++)
        stack_give(&pool, stacks[i]);
    asyncp_stack_pool_close(&pool);
}

/*
 * The many-thousandth stack costs no more than the first. TEST_STACKS=1000000 in the environment
 * makes it a million.
 */
TEST(stack_pool_has_twenty_thousand_alive_at_once)
{
    const char *wanted = getenv("TEST_STACKS");
    long count = wanted != NULL ? strtol(wanted, NULL, 10) : 20000;
    struct stack **stacks = calloc((size_t)count, sizeof *stacks);
    CHECK(stacks != NULL);
    open_pool();
    enum guard best = pool.guard;
    for (long i = 0; i < count; i++) {
        stacks[i] = take(DEFAULT_STACK_LOG);
        control_of(stacks[i])->number = i;
    }
    CHECK(best != GUARD_LIGHT || pool.guard == GUARD_LIGHT);
    for (long i = 0; i < count; i++) {
        CHECK_EQ(control_of(stacks[i])->number, i);
        stack_give(&pool, stacks[i]);
    }
    asyncp_stack_pool_close(&pool);
    free(stacks);
}

/* ---- guards --------------------------------------------------------------------------------- */

/* The signal that ends a child which writes one byte there; 0 if it lives. */
static int signal_of_writing(volatile char *address)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        *address = 1;
        _exit(0);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* Two neighbours: each has that guard at its bottom, complete, and nowhere else. */
static void expect_guards(enum guard kind)
{
    struct stack *stacks[] = {take(14), take(14)};
    for (int i = 0; i < 2; i++) {
        char *bottom = stacks[i]->bottom;
        CHECK_EQ(stacks[i]->guard, kind);
        CHECK_EQ(signal_of_writing(bottom), SIGSEGV);
        CHECK_EQ(signal_of_writing(bottom + pool.guard_size - 1), SIGSEGV);
        CHECK_EQ(signal_of_writing(bottom + pool.guard_size), 0);
        CHECK_EQ(signal_of_writing(bottom + pool.guard_size + stack_size(stacks[i]) - 1), 0);
    }
    for (int i = 0; i < 2; i++)
        stack_give(&pool, stacks[i]);
    asyncp_stack_pool_close(&pool);
}

TEST(stack_guard_stops_a_write_into_it)
{
    open_pool();
    CHECK(pool.guard == GUARD_LIGHT || pool.guard == GUARD_PROTECTION);
    expect_guards(pool.guard);
}

TEST(stack_guard_by_page_protection_stops_a_write_into_it)
{
    open_pool();
    pool.guard = GUARD_PROTECTION;
    expect_guards(GUARD_PROTECTION);
}

enum {
    ADVICE_GUARD_INSTALL = 102,
    ADVICE_ARGUMENT = 2,
    PROTECTION_ARGUMENT = 2,
    NO_PROTECTION = 0
};

enum { ADVICE_ARGUMENT_OF_PROCESS = 3 };

/* Neither one by one nor together. */
static void deny_light_guards(int error)
{
    deny_call_with(SYS_madvise, ADVICE_ARGUMENT, ADVICE_GUARD_INSTALL, error);
    deny_call_with(CALL_PROCESS_MADVISE, ADVICE_ARGUMENT_OF_PROCESS, ADVICE_GUARD_INSTALL, error);
}

/* As before Linux 6.13. */
TEST(stack_guard_is_page_protection_on_older_kernels)
{
    deny_light_guards(EINVAL);
    open_pool();
    expect_guards(GUARD_PROTECTION);
}

/* As under qemu-user: the call succeeds, and nothing has happened. */
TEST(stack_guard_is_page_protection_where_madvise_has_no_effect)
{
    deny_light_guards(0);
    open_pool();
    expect_guards(GUARD_PROTECTION);
}

/* As before Linux 6.15, or where a sandbox forbids process_madvise. */
TEST(stack_guards_are_installed_one_by_one_without_a_vector_call)
{
    deny_call(CALL_PROCESS_MADVISE, EPERM);
    open_pool();
    if (pool.guard != GUARD_LIGHT)
        test_skip("this kernel has only page protection");
    expect_guards(GUARD_LIGHT);
}

/* An emulator may know the one call and only pretend to know the other. */
TEST(stack_guards_are_installed_one_by_one_where_the_vector_call_has_no_effect)
{
    deny_call_with(CALL_PROCESS_MADVISE, ADVICE_ARGUMENT_OF_PROCESS, ADVICE_GUARD_INSTALL, 0);
    open_pool();
    if (pool.guard != GUARD_LIGHT)
        test_skip("this kernel has only page protection");
    expect_guards(GUARD_LIGHT);
}

TEST(stack_guard_may_become_another_kind_as_stacks_are_made)
{
    open_pool();
    if (pool.guard != GUARD_LIGHT)
        test_skip("this kernel has only page protection");
    struct stack *early = take(16);
    deny_light_guards(ENOMEM);
    struct stack *late = take(17);
    CHECK_EQ(early->guard, GUARD_LIGHT);
    CHECK_EQ(late->guard, GUARD_PROTECTION);
    CHECK_EQ(signal_of_writing(early->bottom), SIGSEGV);
    CHECK_EQ(signal_of_writing(late->bottom), SIGSEGV);
    stack_give(&pool, early);
    stack_give(&pool, late);
    asyncp_stack_pool_close(&pool);
}

TEST(stack_canary_that_is_intact_passes)
{
    open_pool();
    pool.guard = GUARD_CANARY;
    struct stack *stack = take(14);
    CHECK_EQ(stack->guard, GUARD_CANARY);
    CHECK_EQ(signal_of_writing(stack->bottom), 0);
    *stack_limit(&pool, stack) = 1;
    asyncp_stack_check(stack);
    stack_give(&pool, stack);
    CHECK(take(14) == stack);
    stack_give(&pool, stack);
    asyncp_stack_pool_close(&pool);
}

DEATH_TEST(stack_canary_detects_an_overflow,
           "a task overflowed its stack of 128 KiB and overwrote other memory")
{
    open_pool();
    pool.guard = GUARD_CANARY;
    struct stack *stack = take(17);
    stack->bottom[0] ^= 1;
    stack_give(&pool, stack);
}

/*
 * When neither kind of guard is available any more, a message says so, and overflows are still
 * detected.
 */
DEATH_TEST(stack_without_a_guard_is_reported,
           "no more stack guards|a task overflowed its stack of 128 KiB")
{
    open_pool();
    deny_light_guards(ENOMEM);
    deny_call_with(SYS_mprotect, PROTECTION_ARGUMENT, NO_PROTECTION, ENOMEM);
    struct stack *stack = take(17);
    CHECK_EQ(stack->guard, GUARD_CANARY);
    stack->bottom[63] ^= 1;
    stack_give(&pool, stack);
}

/* ---- how much was used ---------------------------------------------------------------------- */

TEST(stack_used_is_the_distance_to_the_lowest_byte_written)
{
    static const size_t depths[] = {1, 100, 4095, 5000, 20000, 60000};
    open_pool();
    struct stack *stack = take(16);
    char *control = (char *)control_of(stack);
    CHECK_EQ(asyncp_stack_used(&pool, stack), 0);
    for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
        control[-(ptrdiff_t)depths[i]] = 1;
        CHECK_EQ(asyncp_stack_used(&pool, stack), depths[i]);
    }
    *stack_limit(&pool, stack) = 1;
    CHECK_EQ(asyncp_stack_used(&pool, stack), (size_t)(control - stack_limit(&pool, stack)));
    stack_give(&pool, stack);
    asyncp_stack_pool_close(&pool);
}

TEST(stack_clean_makes_it_unused_and_leaves_its_control_block)
{
    open_pool();
    struct stack *stack = take(16);
    struct control *control = control_of(stack);
    control->number = 4711;
    memset(stack_limit(&pool, stack), 0xff, (size_t)((char *)control - stack_limit(&pool, stack)));
    asyncp_stack_clean(&pool, stack);
    CHECK_EQ(asyncp_stack_used(&pool, stack), 0);
    CHECK_EQ(control->number, 4711);
    CHECK_EQ(stack->log, 16);
    stack_give(&pool, stack);
    asyncp_stack_pool_close(&pool);
}

/* ---- out of memory -------------------------------------------------------------------------- */

/* qemu-user takes the limit, and forgets it. */
static void allow_mappings_up_to(rlim_t bytes)
{
    struct rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
    CHECK_EQ(setrlimit(RLIMIT_AS, &(struct rlimit){bytes, limit.rlim_max}), 0);
    CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
    if (limit.rlim_cur != bytes)
        test_skip("this kernel does not limit the address space");
}

TEST(stack_pool_without_memory_gives_none_and_stays_as_it_was)
{
    struct rlimit limit;
    open_pool();
    struct stack *stack = take(14);
    test_allow_allocations(0);
    CHECK(stack_take(&pool, 17) == NULL);
    test_allow_allocations(-1);
    CHECK_EQ(getrlimit(RLIMIT_AS, &limit), 0);
    allow_mappings_up_to(1);
    struct stack *none = stack_take(&pool, 17);
    allow_mappings_up_to(limit.rlim_cur);
    CHECK(none == NULL);
    CHECK_EQ(asyncp_stack_count(&pool).in_use, 1);
    CHECK(pool.slabs == stack->slab && pool.slabs->next == NULL);
    stack_give(&pool, take(17));
    stack_give(&pool, stack);
    asyncp_stack_pool_close(&pool);
}
