/*
 * test_stall.c: whole reports about a loop, at random moments of a thread that allocates, loads
 * libraries, jumps out of functions, switches, handles signals on another stack, recurses, and
 * blocks: each time there is a report, and the thread goes on. REPORTS=10000 in the environment
 * asks for so many.
 */
#include "loop/loops.h"
#include "run/deep.h"
#include "run/capture.h"
#include "run/runner.h"
#include "sched/sched.h"
#include "stack/context.h"
#include "sys/clock.h"
#include "sys/thread.h"
#include "sys/tools.h"
#include "top/stall.h"
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { REPORTS = 150, FEW_REPORTS = 15, MAX_PAUSE_US = 300 };
static const int64_t ENOUGH_NS = INT64_C(10000000000); /* on a slow machine */

static atomic_bool is_over;

/* ---- what the thread does ------------------------------------------------------------------- */

static void allocate(size_t i)
{
    size_t size = 1 + i * 7919 % (i % 8 == 0 ? 300000 : 3000);
    char *bytes = malloc(size);
    CHECK(bytes != NULL);
    memset(bytes, 1, size);
    bytes = realloc(bytes, 2 * size);
    CHECK(bytes != NULL);
    free(bytes);
}

/* Weak: a static program has no loader. */
void *dlopen(const char *name, int flags) __attribute__((weak));
int dlclose(void *library) __attribute__((weak));

static void load_a_library(size_t i)
{
    static const char *const names[] = {"libresolv.so.2", "libanl.so.1", "libthread_db.so.1"};
    void *library = dlopen != NULL ? dlopen(names[i % 3], RTLD_NOW) : NULL;
    if (library != NULL)
        dlclose(library);
}

__attribute__((noinline)) static void jump_out(jmp_buf place, int depth)
{
    if (depth == 0)
        longjmp(place, 1);
    if (depth > 0)
        jump_out(place, depth - 1);
    __asm__ volatile(""); /* no tail call */
}

static void jump(size_t i)
{
    jmp_buf place;
    if (setjmp(place) == 0)
        jump_out(place, (int)(i % 20));
}

/* Deeper than what a sample copies. */
__attribute__((noinline)) static int recurse(int depth)
{
    char frame[512] = {(char)depth};
    USE(frame);
    int below = depth > 0 ? recurse(depth - 1) : 0;
    USE(frame);
    return below + frame[0];
}

static void on_user_signal(int number)
{
    char frame[256];
    memset(frame, number, sizeof frame);
    USE(frame);
}

static void block_shortly(size_t i)
{
    const struct timespec time = {.tv_nsec = (long)(i % 5) * 50000};
    nanosleep(&time, NULL);
}

static int works(int first)
{
    for (size_t i = (size_t)first; !atomic_load(&is_over); i++) {
        switch (i % 7) {
        case 0:
            allocate(i);
            break;
        case 1:
            load_a_library(i / 7);
            break;
        case 2:
            jump(i);
            break;
        case 3:
            raise(SIGUSR1);
            break;
        case 4:
            USE(recurse(60));
            break;
        case 5:
            block_shortly(i);
            break;
        default:
            break;
        }
        ASYNC_TRY(async_sleep(0));
    }
    return 0;
}
async_fn(works, int);

static int ends(void)
{
    return 0;
}
async_fn(ends);

static int creates(void)
{
    while (!atomic_load(&is_over)) {
        ASYNC_TRY(async_await(async_create_task(ends)));
        ASYNC_TRY(async_sleep(0));
    }
    return 0;
}
async_fn(creates);

/* ---- reports -------------------------------------------------------------------------------- */

struct reporter {
    int count, enough;
    uint32_t loop;
    int32_t thread;
    int file; /* standard error meanwhile */
    uint64_t random;
    int with_calls;
};

static uint64_t draw(struct reporter *reporter)
{
    reporter->random = reporter->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return reporter->random >> 33;
}

/* The text that was written; the file is empty again. */
static void take_text(const struct reporter *reporter, char *text, size_t size)
{
    ssize_t length = pread(reporter->file, text, size - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    CHECK_EQ(ftruncate(reporter->file, 0), 0);
    CHECK_EQ(lseek(reporter->file, 0, SEEK_SET), 0);
}

static void report_once(struct reporter *reporter, struct thread_sample *room)
{
    char text[16384];
    struct stall stall = {.loop = reporter->loop,
                          .thread = reporter->thread,
                          .held_ns = 500000000,
                          .has_turns = draw(reporter) % 2 == 0,
                          .cause = (enum stall_cause)(draw(reporter) % 4)};
    CHECK(asyncp_report_stall(&stall, room));
    take_text(reporter, text, sizeof text);
    const char *cause = stall.cause == STALL_COMPUTES  ? "it computes"
                        : stall.cause == STALL_STARVED ? "its thread is ready"
                                                       : "it is blocked in the kernel";
    CHECK(strstr(text, " held loop ") != NULL && strstr(text, " for 0.50 s") != NULL);
    CHECK(stall.cause == STALL_UNKNOWN || strstr(text, cause) != NULL ||
          (stall.cause == STALL_BLOCKED && strstr(text, "its thread is ready") != NULL));
    reporter->with_calls += strstr(text, "asyncio:     ") != NULL;
}

static void *report_often(void *argument)
{
    struct reporter *reporter = argument;
    struct thread_sample *room = malloc(sizeof *room);
    CHECK(room != NULL);
    const int64_t begin_ns = asyncp_sys_clock_now();
    int done = 0;
    while (done < reporter->count) {
        asyncp_sys_sleep((int64_t)(draw(reporter) % MAX_PAUSE_US) * 1000);
        report_once(reporter, room);
        done++;
        if (done >= reporter->enough && asyncp_sys_clock_now() - begin_ns > ENOUGH_NS)
            reporter->count = done;
    }
    free(room);
    atomic_store(&is_over, true);
    return NULL;
}

static int work_under_reports(struct reporter *reporter)
{
    pthread_t thread;
    reporter->loop = asyncp_loop_number(asyncp_current);
    reporter->thread = asyncp_sys_thread_id();
    CHECK_EQ(pthread_create(&thread, NULL, report_often, reporter), 0);
    int result = async_gather(async_create_task(works, 0), async_create_task(works, 3),
                              async_create_task(creates));
    CHECK_EQ(pthread_join(thread, NULL), 0);
    return result;
}
async_fn(work_under_reports, struct reporter *);

/* With a sanitizer, or in an emulator, a report takes some hundred times as long. */
static int choose_count(void)
{
    const char *count = getenv("REPORTS");
    bool is_slow = ASYNC_ASAN || ASYNC_TSAN || test_is_emulated();
    return count != NULL ? atoi(count) : is_slow ? FEW_REPORTS : REPORTS;
}

TEST(stall_is_reported_at_any_moment)
{
    const struct sigaction action = {.sa_handler = on_user_signal, .sa_flags = SA_ONSTACK};
    struct reporter reporter = {.count = choose_count(),
                                .enough = getenv("REPORTS") != NULL ? INT_MAX : FEW_REPORTS,
                                .file = capture_file("reports"),
                                .random = (uint64_t)asyncp_sys_clock_now()};
    int kept = dup(STDERR_FILENO);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    CHECK(reporter.file >= 0 && kept >= 0 && dup2(reporter.file, STDERR_FILENO) >= 0);
    bool samples = asyncp_sys_sampling_begin();
    int result = async_run_with(test_options(), work_under_reports, &reporter);
    asyncp_sys_sampling_end();
    CHECK(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    close(reporter.file);
    CHECK_EQ(result, 0);
    printf("%d reports, %d with calls\n", reporter.count, reporter.with_calls);
    if (samples && asyncp_switch_resume != NULL && !test_is_emulated())
        CHECK(reporter.with_calls > reporter.count / 2);
}

/* A thread that makes no call, and the text of a report that takes it for blocked. */
struct busy_thread {
    _Atomic int32_t thread;
    atomic_bool is_reported;
};

static void *compute_until_reported(void *argument)
{
    struct busy_thread *busy = argument;
    atomic_store(&busy->thread, asyncp_sys_thread_id());
    while (!atomic_load(&busy->is_reported))
        continue;
    return NULL;
}

TEST(a_thread_that_is_ready_is_not_said_to_be_blocked)
{
    struct busy_thread busy = {.thread = 0};
    struct thread_sample *room = malloc(sizeof *room);
    pthread_t thread;
    CHECK(room != NULL);
    CHECK_EQ(pthread_create(&thread, NULL, compute_until_reported, &busy), 0);
    while (atomic_load(&busy.thread) == 0)
        asyncp_sys_yield();
    const struct stall stall = {.loop = 1, .thread = busy.thread, .cause = STALL_BLOCKED};
    bool is_told = asyncp_sys_thread_runs(stall.thread);
    capture_begin();
    CHECK(asyncp_report_stall(&stall, room));
    const char *said = capture_end();
    atomic_store(&busy.is_reported, true);
    pthread_join(thread, NULL);
    free(room);
    if (!is_told)
        test_skip("the kernel does not tell what a thread does");
    CHECK(strstr(said, "its thread is ready") != NULL && strstr(said, "is blocked") == NULL);
}

static bool always(const void *context)
{
    (void)context;
    return true;
}

TEST(stall_of_a_loop_that_has_gone_on_meanwhile_is_not_reported)
{
    struct thread_sample *room = malloc(sizeof *room);
    const struct stall stall = {
        .loop = 1, .thread = asyncp_sys_thread_id(), .cause = STALL_BLOCKED, .is_over = always};
    CHECK(room != NULL);
    capture_begin();
    CHECK(!asyncp_report_stall(&stall, room));
    CHECK_STR(capture_end(), "");
    free(room);
}
