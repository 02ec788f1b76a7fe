/*
 * test_task.c: creating tasks: arguments of every number and kind arrive unchanged, options are
 * kept, and invalid tasks are refused. Handles afterwards: test_semantics_handles.c.
 */
#include "run/trace.h"
#include "stack/context.h"
#include "sys/map.h"
#include <pthread.h>

/* ---- number of arguments --------------------------------------------------------------------- */

static int take0(void)
{
    note("0");
    return 0;
}
async_fn(take0);

static int take1(int a)
{
    note("%d", a);
    return 1;
}
async_fn(take1, int);

static int take2(int a, char b)
{
    note("%d%c", a, b);
    return 2;
}
async_fn(take2, int, char);

static int take3(int a, char b, long c)
{
    note("%d%c%ld", a, b, c);
    return 3;
}
async_fn(take3, int, char, long);

static int take4(int a, char b, long c, char d)
{
    note("%d%c%ld%c", a, b, c, d);
    return 4;
}
async_fn(take4, int, char, long, char);

static int take5(int a, char b, long c, char d, short e)
{
    note("%d%c%ld%c%d", a, b, c, d, e);
    return 5;
}
async_fn(take5, int, char, long, char, short);

static int take6(int a, char b, long c, char d, short e, const char *f)
{
    note("%d%c%ld%c%d%s", a, b, c, d, e, f);
    return 6;
}
async_fn(take6, int, char, long, char, short, const char *);

static int take7(int a, char b, long c, char d, short e, const char *f, unsigned char g)
{
    note("%d%c%ld%c%d%s%d", a, b, c, d, e, f, g);
    return 7;
}
async_fn(take7, int, char, long, char, short, const char *, unsigned char);

static int take8(int a, char b, long c, char d, short e, const char *f, unsigned char g, double h)
{
    note("%d%c%ld%c%d%s%d%g", a, b, c, d, e, f, g, h);
    return 8;
}
async_fn(take8, int, char, long, char, short, const char *, unsigned char, double);

LOOP_TEST(a_task_takes_from_none_to_eight_arguments)
{
    async_task *tasks[] = {async_create_task(take0),
                           async_create_task(take1, 1),
                           async_create_task(take2, 1, 'a'),
                           async_create_task(take3, 1, 'a', 2L),
                           async_create_task(take4, 1, 'a', 2L, 'b'),
                           async_create_task(take5, 1, 'a', 2L, 'b', 3),
                           async_create_task(take6, 1, 'a', 2L, 'b', 3, "c"),
                           async_create_task(take7, 1, 'a', 2L, 'b', 3, "c", 4),
                           async_create_task(take8, 1, 'a', 2L, 'b', 3, "c", 4, 0.5)};
    int results[9];
    CHECK_EQ(async_gather_n(tasks, 9, results, ASYNC_FIRST_ERROR), 0);
    for (int i = 0; i < 9; i++)
        CHECK_EQ(results[i], i);
    CHECK_TRACE("0 1 1a 1a2 1a2b 1a2b3 1a2b3c 1a2b3c4 1a2b3c40.5");
    return 0;
}

/* ---- kinds of arguments ---------------------------------------------------------------------- */

struct large {
    int numbers[1000];
};

struct wide32 {
    _Alignas(32) double number;
};

struct wide64 {
    _Alignas(64) char letters[3];
};

enum colour { RED, GREEN };

static int take_structs(struct large large, struct wide32 wide32, char letter, struct wide64 wide64)
{
    CHECK_EQ((uintptr_t)&wide32 % 32, 0);
    CHECK_EQ((uintptr_t)&wide64 % 64, 0);
    for (int i = 0; i < 1000; i++)
        CHECK_EQ(large.numbers[i], i * i);
    CHECK(wide32.number == 0.25 && letter == 'x');
    CHECK_STR(wide64.letters, "ab");
    return 0;
}
async_fn(take_structs, struct large, struct wide32, char, struct wide64);

/* Many at once, because the tops of stacks are not all aligned alike. */
LOOP_TEST(a_task_takes_structs_by_value_large_and_over_aligned)
{
    struct large large;
    struct wide32 wide32 = {.number = 0.25};
    struct wide64 wide64 = {.letters = "ab"};
    async_task *tasks[30];
    for (int i = 0; i < 1000; i++)
        large.numbers[i] = i * i;
    for (int i = 0; i < 30; i++)
        tasks[i] = async_create_task(take_structs, large, wide32, 'x', wide64);
    return async_gather_n(tasks, 30, NULL, ASYNC_FIRST_ERROR);
}

static int tell_misalignment(void *arguments)
{
    return (int)((uintptr_t)arguments % 64);
}

/*
 * The compiler realigns arguments that it passes by value; this checks where the arguments really
 * are.
 */
LOOP_TEST(a_task_s_arguments_are_aligned_as_the_function_says)
{
    static const struct asyncp_function function = {tell_misalignment, 3, 64, "tell_misalignment",
                                                    "here"};
    async_task *tasks[30];
    for (int i = 0; i < 30; i++)
        tasks[i] = asyncp_create(&function, "ab", NULL, "there");
    for (int i = 0; i < 30; i++)
        CHECK_EQ(async_await(tasks[i]), 0);
    return 0;
}

static int twice(int number)
{
    return 2 * number;
}

typedef int matrix[2][2];

static int take_odd_types(int (*function)(int), const char *const text, long double number,
                          const matrix *numbers, bool flag, enum colour colour,
                          int (*const *functions)(int))
{
    CHECK_EQ(function(21), 42);
    CHECK_STR(text, "text");
    CHECK(number == 0.125L && flag && colour == GREEN);
    return (*numbers)[1][0] + functions[0](1);
}
async_fn(take_odd_types, int (*)(int), const char *const, long double, const matrix *, bool,
         enum colour, int (*const *)(int));

LOOP_TEST(a_task_takes_functions_and_pointers_of_every_kind)
{
    static int (*const functions[])(int) = {twice};
    static const matrix numbers = {{1, 2}, {3, 4}};
    async_task *task = async_create_task(take_odd_types, twice, "text", 0.125L, &numbers, true,
                                         GREEN, functions);
    CHECK_EQ(async_await(task), 5);
    return 0;
}

static int write_into(int *slot, struct large large)
{
    large.numbers[0]++;
    CHECK_EQ(async_sleep(1), 0);
    *slot = large.numbers[0];
    return 0;
}
async_fn(write_into, int *, struct large);

LOOP_TEST(a_task_has_copies_of_its_arguments)
{
    struct large large = {.numbers = {10}};
    int slot = 0;
    async_task *task = async_create_task(write_into, &slot, large);
    large.numbers[0] = 99;
    CHECK_EQ(async_await(task), 0);
    CHECK_EQ(slot, 11);
    CHECK_EQ(large.numbers[0], 99);
    return 0;
}

struct too_large {
    char bytes[16385]; /* a byte more than a quarter of a stack */
};

static int take_too_much(struct too_large argument)
{
    return argument.bytes[0];
}
async_fn(take_too_much, struct too_large);

static int create_with_too_much(void)
{
    static struct too_large argument;
    async_task_detach(async_create_task(take_too_much, argument));
    return 0;
}
async_fn(create_with_too_much);

DEATH_TEST(
    a_task_with_arguments_that_do_not_fit_its_stack_dies,
    "async_create_task(take_too_much): 16385 bytes of arguments do not fit|65536|pass a pointer")
{
    async_ignore(async_run_with(test_options(), create_with_too_much));
}

LOOP_TEST(a_task_with_large_arguments_fits_a_larger_stack)
{
    static struct too_large argument = {.bytes = {3}};
    async_task_options options = {.stack_size = 1 << 18};
    CHECK_EQ(async_await(async_create_task_with(&options, take_too_much, argument)), 3);
    return 0;
}

/* ---- options -------------------------------------------------------------------------------- */

LOOP_TEST(a_task_has_the_name_its_options_give_it)
{
    char name[] = "worker 7";
    async_task_options options = {.name = name};
    async_task *task = async_create_task_with(&options, take1, 1);
    name[0] = 'X';
    CHECK_STR(async_task_name(task), "worker 7");
    CHECK_EQ(async_await(task), 1);
    return 0;
}

LOOP_TEST(a_task_without_options_has_the_name_of_its_function)
{
    async_task *plain = async_create_task(take0);
    async_task *with = async_create_task_with(NULL, take0);
    async_task *zeros = async_create_task_with(&(async_task_options){0}, take0);
    CHECK_STR(async_task_name(plain), "take0");
    CHECK_STR(async_task_name(with), "take0");
    CHECK_STR(async_task_name(zeros), "take0");
    return async_gather(plain, with, zeros);
}

LOOP_TEST(a_task_s_stack_size_is_rounded_up_to_a_power_of_two)
{
    static const size_t asked[] = {0, 1, 16384, 16385, 65536, 65537, 1000000, 1 << 30};
    size_t page = asyncp_sys_page_size();
    static const size_t given[] = {65536, 16384, 16384, 32768, 65536, 131072, 1 << 20, 1 << 30};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        async_task_options options = {.stack_size = asked[i]};
        async_task *task = async_create_task_with(&options, take1, 1);
        CHECK(task != NULL);
        CHECK_EQ(async_task_stack_size(task), given[i] > page ? given[i] : page);
        CHECK_EQ(async_await(async_task_ref(task)), 1);
        CHECK_EQ(async_task_stack_size(task), 0);
        async_task_detach(task);
    }
    return 0;
}

LOOP_TEST(a_task_whose_stack_would_be_too_large_cannot_be_made)
{
    async_task_options options = {.stack_size = ((size_t)1 << 30) + 1};
    size_t before = async_all_tasks(NULL, 0);
    CHECK(async_create_task_with(&options, take0) == NULL);
    options.stack_size = SIZE_MAX;
    CHECK(async_create_task_with(&options, take0) == NULL);
    CHECK_EQ(async_all_tasks(NULL, 0), before);
    CHECK_EQ(async_await(async_create_task(take1, 1)), 1);
    return 0;
}

/*
 * Uses about a KiB of stack at each level; each level writes into the one above, so that all must
 * be there.
 */
__attribute__((noinline)) static int descend_from(int levels, volatile char *above)
{
    volatile char room[1024];
    room[0] = 0;
    *above = 1;
    return levels == 0 ? 1 : descend_from(levels - 1, room) + room[0];
}

static int descend(int levels)
{
    volatile char top;
    return descend_from(levels, &top);
}
async_fn(descend, int);

LOOP_TEST(a_task_can_use_the_stack_it_asked_for)
{
    async_task_options options = {.stack_size = 1 << 20};
    CHECK_EQ(async_await(async_create_task_with(&options, descend, 400)), 401);
    return 0;
}

static int note_stack_used(int levels, size_t *used)
{
    descend(levels);
    *used = async_task_stack_used(async_current_task());
    return 0;
}
async_fn(note_stack_used, int, size_t *);

LOOP_TEST(a_task_knows_how_much_of_its_stack_it_used)
{
    size_t little, much;
    async_task_options options = {.stack_size = 1 << 18};
    async_task *task = async_create_task_with(&options, note_stack_used, 1, &little);
    CHECK_EQ(async_await(async_task_ref(task)), 0);
    CHECK_EQ(async_task_stack_used(task), 0);
    async_task_detach(task);
    CHECK_EQ(async_await(async_create_task_with(&options, note_stack_used, 100, &much)), 0);
    CHECK(little > 1024 && little < 40 * 1024);
    CHECK(much > 100 * 1024 && much < 1 << 18);
    return 0;
}

/* ---- a function chosen at run time ---------------------------------------------------------- */

static int add_up(void *argument)
{
    int *numbers = argument;
    return numbers[0] + numbers[1];
}

LOOP_TEST(a_task_can_run_a_function_chosen_at_run_time)
{
    int numbers[] = {2, 3};
    async_task *task = async_create_task_ptr(add_up, numbers);
    numbers[1] = 30;
    CHECK_EQ(async_await(task), 32);
    return 0;
}

static int create_of_null(void)
{
    return async_await(async_create_task_ptr(NULL, NULL));
}
async_fn(create_of_null);

DEATH_TEST(a_task_of_no_function_dies, "async_create_task_ptr: the function is NULL (")
{
    async_ignore(async_run_with(test_options(), create_of_null));
}

/* ---- where tasks can be created -------------------------------------------------------------- */

static void create_from_callback(void *argument)
{
    async_task **task = argument;
    *task = async_create_task(take1, 5);
    note("created");
}

LOOP_TEST(a_task_can_be_made_in_a_callback)
{
    async_task *task = NULL;
    async_call_soon(create_from_callback, &task);
    CHECK_EQ(async_sleep(0), 0);
    CHECK_EQ(async_await(task), 1);
    CHECK_TRACE("created 5");
    return 0;
}

DEATH_TEST(a_task_made_without_a_loop_dies,
           "async_create_task(take0) was called at|test_task.c:|on a thread without a loop")
{
    async_ignore(async_create_task(take0) == NULL);
}

/* ---- a thread, or a run, that ends too early ------------------------------------------------- */

static async_task *kept;

static int keep_a_handle(void)
{
    kept = async_create_task(take0);
    return async_task_wait(kept);
}
async_fn(keep_a_handle);

DEATH_TEST(task_handle_after_its_run_is_misuse,
           "async_task_result: the run of this task is over, and its loop closed")
{
#ifndef __GLIBC__
    test_skip("libc unmaps memory that is freed");
#endif
    if (ASYNC_ASAN || ASYNC_TSAN || tools_under_valgrind())
        test_skip("the tool reports the use of freed memory");
    CHECK_EQ(async_run_with(test_options(), keep_a_handle), 0);
    async_ignore(async_task_result(kept));
}

static int end_the_thread(void)
{
    ASYNC_TRY(async_sleep(0));
    pthread_exit(NULL);
}
async_fn(end_the_thread);

static int await_the_end_of_the_thread(void)
{
    return async_await(async_create_task(end_the_thread));
}
async_fn(await_the_end_of_the_thread);

DEATH_TEST(task_must_not_end_its_thread,
           "task #2 'end_the_thread'|ends its thread, by pthread_exit or pthread_cancel")
{
#ifndef __GLIBC__
    test_skip("libc does not unwind at the end of a thread");
#endif
    if (asyncp_switch_resume == NULL || ASYNC_TSAN)
        test_skip("stacks are not unwound here, or not at the end of a thread");
    async_ignore(async_run_with(test_options(), await_the_end_of_the_thread));
}
