/*
 * test_overflow.c: a task that overflows its stack ends the program with a helpful message, before
 * it has touched its neighbour; every other fault goes to the handler from before the loop, on
 * every thread.
 *
 * Most run in a forked child, so that the parent can see how it ended. Under AddressSanitizer the
 * cases of an unhandled fault are skipped: the sanitizer always handles it.
 */
#include "sched/sched.h"
#include "run/capture.h"
#include "run/deep.h"
#include "run/deny.h"
#include "run/runner.h"
#include "sys/clock.h"
#include "sys/map.h"

#include <pthread.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the message ---------------------------------------------------------------------------- */

static int dig_in_a_task(void)
{
    async_task_options options = {.stack_size = 1 << 17};
    return async_await(async_create_task_with(&options, dig));
}
async_fn(dig_in_a_task);

DEATH_TEST(overflow_by_recursion_names_the_task_and_the_function,
           "asyncio: task #2 'dig' (created at |tests/unit/test_overflow.c:|"
           "overflowed its stack of 128 KiB; limit the depth of the recursion, "
           "make the local variables smaller, "
           "or give the task a larger stack|"
           "it happened in recurse_for_ever |    in recurse_for_ever |deep.h:|times on the stack")
{
    async_ignore(async_run_with(test_options(), dig_in_a_task));
}

DEATH_TEST(overflow_of_the_main_task_is_reported,
           "asyncio: task #1 'dig' |overflowed its stack of 64 KiB")
{
    async_ignore(async_run_with(test_options(), dig));
}

/*
 * The loader leaves such addresses on stacks: where a file was mapped, and before it nothing may
 * be.
 */
__attribute__((noinline)) static int recurse_with_an_address(const void *first_byte,
                                                             volatile int *depth)
{
    const void *words[64] = {first_byte};
    USE(words);
    ++*depth;
    int below = *depth < 0 ? 0 : recurse_with_an_address(first_byte, depth);
    return below + (words[0] != NULL ? 1 : 0);
}

static int dig_with_an_address(void)
{
    volatile int depth = 0;
    extern const char __ehdr_start[]
        __attribute__((visibility("hidden"))); /* a symbol of the linker */
    return recurse_with_an_address(__ehdr_start, &depth);
}
async_fn(dig_with_an_address);

DEATH_TEST(overflow_report_is_complete_whatever_lies_on_the_stack,
           "'dig_with_an_address' |in recurse_with_an_address|times on the stack")
{
    async_ignore(async_run_with(test_options(), dig_with_an_address));
}

enum { LARGE = 200000 }; /* more than a stack of 64 KiB and any guard have together */

/*
 * Does not touch the frame itself: the compiler must touch the pages in between
 * (-fstack-clash-protection).
 */
__attribute__((noinline)) static int have_one_large_frame(void)
{
    char frame[LARGE];
    USE(frame);
    return 0;
}

static int call_large(void)
{
    return have_one_large_frame();
}
async_fn(call_large);

/*
 * A frame that is not probed page by page steps over the guard; gcc accepts the option without a
 * warning.
 */
static void skip_unless_large_frames_are_probed(void)
{
#if defined(__riscv) && !defined(__clang__) && __GNUC__ < 15
    test_skip("this gcc has no -fstack-clash-protection for riscv64");
#endif
}

DEATH_TEST(overflow_by_one_large_frame_is_reported,
           "'call_large' |overflowed its stack of 64 KiB|it "
           "happened in have_one_large_frame |test_overflow.c:|called from | ?\n")
{
    skip_unless_large_frames_are_probed();
    async_ignore(async_run_with(test_options(), call_large));
}

static void *overflow_on_this_thread(void *unused)
{
    async_ignore(async_run_with(test_options(), dig_in_a_task));
    return unused;
}

DEATH_TEST(overflow_on_another_thread_is_reported, "task #2 'dig' |overflowed its stack of 128 KiB")
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, overflow_on_this_thread, NULL), 0);
    pthread_join(thread, NULL);
}

static int spoil_own_canary(void)
{
    struct coroutine *self = async_get_loop()->sched.current;
    CHECK_EQ(self->stack.guard, GUARD_CANARY);
    self->stack.bottom[8] ^= 1;
    return 0;
}
async_fn(spoil_own_canary);

/* A size for which the loop has no stacks yet, so that the new ones get the new kind of guard. */
static int run_without_guards(void)
{
    async_get_loop()->tasks.stacks.guard = GUARD_CANARY;
    async_task_options options = {.stack_size = 1 << 17};
    return async_await(async_create_task_with(&options, spoil_own_canary));
}
async_fn(run_without_guards);

DEATH_TEST(overflow_without_a_guard_is_reported_when_the_task_ends,
           "a task overflowed its stack of 128 KiB and overwrote other memory")
{
    async_ignore(async_run_with(test_options(), run_without_guards));
}

/* ---- how a child ends ----------------------------------------------------------------------- */

enum { HANDLED = 40, LIVED = 41, NEIGHBOUR_INTACT = 42, NEIGHBOUR_SPOILT = 43, BY_SIGNAL = 1000 };

/* Runs it in a child. Its exit status, or BY_SIGNAL + signal. */
static int end_of(void (*body)(void))
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        body();
        _exit(LIVED);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? BY_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- many threads ---------------------------------------------------------------------------- */

enum { DIGGERS = 8 };

static void *dig_when_all_are_ready(void *barrier)
{
    pthread_barrier_wait(barrier);
    return overflow_on_this_thread(NULL);
}

static void overflow_on_many_threads(void)
{
    static pthread_barrier_t barrier;
    pthread_t threads[DIGGERS];
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, DIGGERS), 0);
    for (int i = 0; i < DIGGERS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, dig_when_all_are_ready, &barrier), 0);
    for (int i = 0; i < DIGGERS; i++)
        pthread_join(threads[i], NULL);
}

static int count_of(const char *word, const char *text)
{
    int count = 0;
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}

TEST(overflows_of_many_threads_at_once_have_the_calls_of_one_and_all_of_them)
{
    for (int i = 0; i < 10; i++) {
        capture_begin();
        int end = end_of(overflow_on_many_threads);
        const char *said = capture_end();
        if (end != BY_SIGNAL + SIGSEGV || count_of("it happened in recurse_for_ever ", said) != 1 ||
            count_of("times on the stack\n", said) == 0)
            test_fail(__FILE__, __LINE__, "it ends with %d, and this was said:\n%s", end, said);
    }
}

/* ---- the neighbour -------------------------------------------------------------------------- */

enum { PATTERN_SIZE = 50000, PATTERN = 0x5a };

/* On the stack below the one that overflows. */
static volatile unsigned char *neighbours_pattern;

static int fill_stack(void)
{
    unsigned char pattern[PATTERN_SIZE];
    memset(pattern, PATTERN, sizeof pattern);
    neighbours_pattern = pattern;
    return async_sleep(1);
}
async_fn(fill_stack);

static void look_at_neighbour(int number)
{
    (void)number;
    for (size_t i = 0; i < PATTERN_SIZE; i++)
        if (neighbours_pattern[i] != PATTERN)
            _exit(NEIGHBOUR_SPOILT);
    _exit(NEIGHBOUR_INTACT);
}

/*
 * Stacks are cut from the bottom of a slab upwards. The handler, set while the loop runs, replaces
 * the loop's.
 */
static int overflow_beside_a_neighbour(void)
{
    struct sigaction action = {.sa_handler = look_at_neighbour, .sa_flags = SA_ONSTACK};
    async_task *neighbour = async_create_task(fill_stack);
    CHECK_EQ(async_sleep(0), 0);
    async_task *digger = async_create_task(call_large);
    const struct stack *below = &neighbour->coroutine->stack;
    CHECK(below->bottom + below->slab->slot_size == digger->coroutine->stack.bottom);
    sigaction(SIGSEGV, &action, NULL);
    return async_gather(neighbour, digger);
}
async_fn(overflow_beside_a_neighbour);

static void run_beside_a_neighbour(void)
{
    async_ignore(async_run_with(test_options(), overflow_beside_a_neighbour));
}

TEST(overflow_by_one_large_frame_does_not_reach_the_neighbour)
{
    skip_unless_large_frames_are_probed();
    CHECK_EQ(end_of(run_beside_a_neighbour), NEIGHBOUR_INTACT);
}

/* ---- faults that are no overflow ------------------------------------------------------------ */

static char *volatile nowhere = (char *)64;

static int write_nowhere(void)
{
    *nowhere = 1;
    return 0;
}
async_fn(write_nowhere);

static void write_nowhere_in_a_callback(void *argument)
{
    (void)argument;
    *nowhere = 1;
}

static int fault_in_a_callback(void)
{
    async_call_soon(write_nowhere_in_a_callback, NULL);
    return async_sleep(1);
}
async_fn(fault_in_a_callback);

static void *fault_on_this_thread(void *unused)
{
    *nowhere = 1;
    return unused;
}

static int fault_on_another_thread(void)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, fault_on_this_thread, NULL), 0);
    return pthread_join(thread, NULL);
}
async_fn(fault_on_another_thread);

static int send_itself_a_fault(void)
{
    return kill(getpid(), SIGSEGV);
}
async_fn(send_itself_a_fault);

/*
 * Another task's stack lies above this one's: a write into its guard is a mistake, but no overflow.
 */
static int write_into_anothers_guard(void)
{
    async_task *other = async_create_task(fill_stack);
    CHECK(other->coroutine->stack.bottom > async_current_task()->coroutine->stack.bottom);
    nowhere = other->coroutine->stack.bottom;
    return write_nowhere();
}
async_fn(write_into_anothers_guard);

/* One body for each place a fault can come from. */
static void run_fault_in_a_task(void)
{
    async_ignore(async_run_with(test_options(), write_nowhere));
}

static void run_fault_in_anothers_guard(void)
{
    async_ignore(async_run_with(test_options(), write_into_anothers_guard));
}

static void run_fault_in_a_callback(void)
{
    async_ignore(async_run_with(test_options(), fault_in_a_callback));
}

static void run_fault_on_another_thread(void)
{
    async_ignore(async_run_with(test_options(), fault_on_another_thread));
}

static void run_fault_that_was_sent(void)
{
    async_ignore(async_run_with(test_options(), send_itself_a_fault));
}

/* The address of a fault is that of its page on s390x. */
static bool is_nowhere(const void *address)
{
#if defined(__s390x__)
    return ((uintptr_t)address ^ (uintptr_t)nowhere) < asyncp_sys_page_size();
#else
    return address == nowhere;
#endif
}

static void handle_with_info(int number, siginfo_t *info, void *context)
{
    bool complete = number == SIGSEGV && is_nowhere(info->si_addr) && context != NULL;
    _exit(complete ? HANDLED : 0);
}

static void handle_plainly(int number)
{
    _exit(number == SIGSEGV ? HANDLED : 0);
}

/* AddressSanitizer counts a fault as an error, and ends the process with its own status. */
static void need_no_valgrind(void)
{
    if (tools_under_valgrind())
        test_skip("valgrind says what becomes of a fault");
}

static void expect_end_of_all_faults(int end)
{
    need_no_valgrind();
    CHECK_EQ(end_of(run_fault_in_a_task), end);
    CHECK_EQ(end_of(run_fault_in_anothers_guard), end);
    CHECK_EQ(end_of(run_fault_in_a_callback), end);
    CHECK_EQ(end_of(run_fault_on_another_thread), end);
}

TEST(overflow_handler_passes_other_faults_on_with_their_details)
{
    struct sigaction action = {.sa_sigaction = handle_with_info, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    expect_end_of_all_faults(HANDLED);
}

TEST(overflow_handler_passes_other_faults_on_to_a_plain_handler)
{
    signal(SIGSEGV, handle_plainly);
    expect_end_of_all_faults(HANDLED);
    CHECK_EQ(end_of(run_fault_that_was_sent), HANDLED);
}

TEST(overflow_handler_leaves_a_signal_that_was_sent_ignored)
{
    signal(SIGSEGV, SIG_IGN);
    CHECK_EQ(end_of(run_fault_that_was_sent), LIVED);
}

static int take_faults_while_running(void)
{
    signal(SIGSEGV, handle_plainly);
    return write_nowhere();
}
async_fn(take_faults_while_running);

static void run_with_a_handler_set_inside(void)
{
    async_ignore(async_run_with(test_options(), take_faults_while_running));
}

TEST(overflow_handler_gives_way_to_one_set_later)
{
    need_no_valgrind();
    CHECK_EQ(end_of(run_with_a_handler_set_inside), HANDLED);
}

static void skip_under_address_sanitizer(void)
{
#if ASYNC_ASAN
    test_skip("AddressSanitizer handles every fault, and maps memory itself");
#endif
}

TEST(overflow_handler_lets_unhandled_faults_end_the_process)
{
    skip_under_address_sanitizer();
    signal(SIGSEGV, SIG_DFL);
    expect_end_of_all_faults(BY_SIGNAL + SIGSEGV);
    CHECK_EQ(end_of(run_fault_that_was_sent), BY_SIGNAL + SIGSEGV);
}

static void overflow(void)
{
    async_ignore(async_run_with(test_options(), dig_in_a_task));
}

TEST(overflow_ends_the_process_by_the_signal)
{
    skip_under_address_sanitizer();
    CHECK_EQ(end_of(overflow), BY_SIGNAL + SIGSEGV);
}

/* ---- before and after ----------------------------------------------------------------------- */

static bool handles_faults(void (*handler)(int))
{
    struct sigaction now;
    CHECK_EQ(sigaction(SIGSEGV, NULL, &now), 0);
    return now.sa_handler == handler;
}

static int expect_another_handler(void)
{
    CHECK(!handles_faults(handle_plainly));
    return 0;
}
async_fn(expect_another_handler);

TEST_EACH_BACKEND(overflow_handler_is_there_only_while_a_loop_is)
{
    signal(SIGSEGV, handle_plainly);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(async_run_with(test_options(), expect_another_handler), 0);
        CHECK(handles_faults(handle_plainly));
    }
}

static int set_another_handler(void)
{
    signal(SIGSEGV, SIG_IGN);
    return 0;
}
async_fn(set_another_handler);

TEST(overflow_handler_does_not_undo_what_was_set_while_it_was_there)
{
    signal(SIGSEGV, handle_plainly);
    CHECK_EQ(async_run_with(test_options(), set_another_handler), 0);
    CHECK(handles_faults(SIG_IGN));
}

static void *run_on_this_thread(void *result)
{
    *(int *)result = async_run_with(test_options(), expect_another_handler);
    return NULL;
}

/* The other thread's loop ends first, and must leave the handler in place. */
static int outlive_another_loop(void)
{
    pthread_t thread;
    int result = 1;
    CHECK_EQ(pthread_create(&thread, NULL, run_on_this_thread, &result), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(result, 0);
    return expect_another_handler();
}
async_fn(outlive_another_loop);

TEST(overflow_handler_stays_until_the_last_loop_is_closed)
{
    signal(SIGSEGV, handle_plainly);
    CHECK_EQ(async_run_with(test_options(), outlive_another_loop), 0);
    CHECK(handles_faults(handle_plainly));
}

static bool has_signal_stack(void)
{
    stack_t now;
    CHECK_EQ(sigaltstack(NULL, &now), 0);
    return (now.ss_flags & SS_DISABLE) == 0;
}

static int expect_a_signal_stack(void)
{
    CHECK(has_signal_stack());
    return 0;
}
async_fn(expect_a_signal_stack);

TEST(overflow_signal_stack_is_lent_to_a_thread_without_one)
{
    CHECK_EQ(sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL), 0);
    CHECK_EQ(async_run_with(test_options(), expect_a_signal_stack), 0);
    CHECK(!has_signal_stack());
}

static int expect_this_signal_stack(void *start)
{
    stack_t now;
    CHECK_EQ(sigaltstack(NULL, &now), 0);
    CHECK(now.ss_sp == start);
    return 0;
}
async_fn(expect_this_signal_stack, void *);

TEST(overflow_signal_stack_of_the_threads_own_is_left_in_place)
{
    static char own[65536];
    CHECK_EQ(sigaltstack(&(stack_t){.ss_sp = own, .ss_size = sizeof own}, NULL), 0);
    CHECK_EQ(async_run_with(test_options(), expect_this_signal_stack, own), 0);
    CHECK_EQ(expect_this_signal_stack(own), 0);
    CHECK_EQ(sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL), 0);
}

#ifdef SYS_mmap2
enum { CALL_OF_MMAP = SYS_mmap2 };
#else
enum { CALL_OF_MMAP = SYS_mmap };
#endif

TEST(overflow_signal_stack_without_memory_is_enomem)
{
    skip_under_address_sanitizer();
    if (ASYNC_TSAN || tools_under_valgrind())
        test_skip("ThreadSanitizer and valgrind need mappings themselves");
    CHECK_EQ(sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL), 0);
    deny_call_with(CALL_OF_MMAP, 1, 65536, ENOMEM); /* of just that size: libc maps memory too */
    CHECK_EQ(async_run(expect_a_signal_stack), -ENOMEM);
}
