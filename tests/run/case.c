/*
 * case.c: the half of the runner that runs in the process of one case: the counting allocator, the
 * checks, the time limit, and the comparison before and after that finds leaks. It knows the public
 * headers of the library and its one counter of mapped bytes; it must not know of other cases, nor
 * how its exit status is interpreted.
 */
#include "run/case.h"
#include "run/faults.h"
#include "sys/map.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    MAX_OUTPUT = 1 << 26,         /* bytes that a case that runs wild may write */
    HIGHEST_DESCRIPTOR = 1 << 16, /* higher ones are not checked */
};

/* ---- the allocator ----------------------------------------------------------------------- */

/* The header of each block; as wide as malloc's alignment, so that the block keeps it. */
struct block {
    _Alignas(max_align_t) size_t size; /* of the block, without this */
};

static atomic_long allocated_bytes;
static atomic_long allocated_blocks;
static atomic_long allocations_allowed = -1;

static void *count_free(struct block *block)
{
    if (block == NULL)
        return NULL;
    atomic_fetch_sub(&allocated_bytes, (long)block->size);
    atomic_fetch_sub(&allocated_blocks, 1);
    memset(block + 1, 0xdf, block->size);
    free(block);
    return NULL;
}

static bool allocation_is_allowed(void)
{
    long allowed = atomic_load(&allocations_allowed);
    if (allowed > 0)
        atomic_fetch_sub(&allocations_allowed, 1);
    return allowed != 0;
}

/* An async_allocator's function. New bytes hold rubbish, so that no code relies on zeros. */
static void *count_reallocate(void *context, void *memory, size_t old_size, size_t new_size)
{
    (void)context;
    struct block *block = memory == NULL ? NULL : (struct block *)memory - 1;
    size_t size = block == NULL ? 0 : block->size;
    if (size != old_size)
        test_fail("allocator", 0, "a block of %zu bytes was given back as one of %zu", size,
                  old_size);
    if (new_size == 0)
        return count_free(block);
    if (!allocation_is_allowed() || fault_in_allocator())
        return NULL;
    struct block *moved = realloc(block, sizeof *moved + new_size);
    if (moved == NULL)
        return NULL;
    moved->size = new_size;
    atomic_fetch_add(&allocated_bytes, (long)new_size - (long)size);
    atomic_fetch_add(&allocated_blocks, block == NULL ? 1 : 0);
    if (new_size > size)
        memset((char *)(moved + 1) + size, 0xa5, new_size - size);
    return moved + 1;
}

void test_allow_allocations(long count)
{
    enum { MAX_COUNT = 100000 }; /* a test that allows one more each time would never end */
    if (count > MAX_COUNT)
        test_fail("runner", 0, "the program still fails with 100000 allocations");
    atomic_store(&allocations_allowed, count);
}

static async_run_options options = {.allocator = {.reallocate = count_reallocate}};

const async_run_options *test_options(void)
{
    return &options;
}

const char *test_backend(void)
{
    return options.backend;
}

/* ---- the end ---------------------------------------------------------------------------- */

static _Noreturn void end_case(int status)
{
    fflush(stdout);
    _exit(status);
}

_Noreturn void test_skip(const char *reason)
{
    fprintf(stderr, "%s\n", reason); /* the runner reads only this of a death test */
    end_case(STATUS_SKIPPED);
}

_Noreturn void test_fail(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    fflush(stdout);
    dprintf(STDERR_FILENO, "%s:%d: ", file, line);
    va_start(arguments, format);
    vdprintf(STDERR_FILENO, format, arguments);
    va_end(arguments);
    dprintf(STDERR_FILENO, "\n");
    end_case(1);
}

void test_check_equal(const char *file, int line, const char *claim, long long a, long long b)
{
    if (a != b)
        test_fail(file, line, "check failed: %s: %lld != %lld", claim, a, b);
}

void test_check_text(const char *file, int line, const char *claim, const char *a, const char *b)
{
    if (a == b || (a != NULL && b != NULL && strcmp(a, b) == 0))
        return;
    test_fail(file, line, "check failed: %s: \"%s\" != \"%s\"", claim, a == NULL ? "(NULL)" : a,
              b == NULL ? "(NULL)" : b);
}

void test_check_result(const char *file, int line, int result)
{
    if (result != 0)
        test_fail(file, line, "the coroutine returned %d, not 0 (%s)", result,
                  async_strerror(result));
}

static void on_time_limit(int signal_number)
{
    static const char message[] = "time limit\n";
    (void)signal_number;
    (void)!write(STDERR_FILENO, message, sizeof message - 1);
    async_dump(STDERR_FILENO);
    _exit(STATUS_TIME_LIMIT);
}

/* On a signal stack: the case may have overflowed its own stack. */
static void set_time_limit(unsigned seconds)
{
    static char stack[1 << 16];
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    struct sigaction action = {.sa_handler = on_time_limit, .sa_flags = SA_ONSTACK};
    sigaction(SIGALRM, &action, NULL);
    alarm(seconds);
}

/* ---- leaks ------------------------------------------------------------------ */

/*
 * Resources of a process that a test must give back. Blocks are not among them: a case begins
 * without any.
 */
struct inventory {
    bool open[HIGHEST_DESCRIPTOR]; /* the descriptor is open */
    long mapped_bytes;             /* by the library, in all */
};

static void take_inventory(struct inventory *inventory)
{
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL)
        test_fail("runner", 0, "/proc/self/fd cannot be read: %s", strerror(errno));
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        long fd = strtol(entry->d_name, NULL, 10);
        if (entry->d_name[0] != '.' && fd < HIGHEST_DESCRIPTOR)
            inventory->open[fd] = fd != dirfd(directory);
    }
    closedir(directory);
    inventory->mapped_bytes = atomic_load(&asyncp_mapped_bytes);
}

static bool report_descriptors(const struct inventory *before, const struct inventory *after)
{
    bool any = false;
    for (int i = 0; i < HIGHEST_DESCRIPTOR; i++) {
        char path[64], target[PATH_MAX];
        if (before->open[i] == after->open[i])
            continue;
        any = true;
        snprintf(path, sizeof path, "/proc/self/fd/%d", i);
        ssize_t length = readlink(path, target, sizeof target);
        if (after->open[i])
            printf("leak: descriptor %d is open (%.*s)\n", i, length < 0 ? 0 : (int)length, target);
        else
            printf("descriptor %d was closed, but the test did not open it\n", i);
    }
    return any;
}

static bool report_memory(const struct inventory *before, const struct inventory *after)
{
    long bytes = atomic_load(&allocated_bytes), blocks = atomic_load(&allocated_blocks);
    long mapped = after->mapped_bytes - before->mapped_bytes;
    if (blocks != 0)
        printf("leak: %ld bytes of the loop's allocator, in %ld blocks\n", bytes, blocks);
    if (mapped != 0)
        printf("leak: %ld mapped bytes\n", mapped);
    return blocks != 0 || mapped != 0;
}

/* A function of the address sanitizer, where that is linked in; it prints its report. */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static bool report_malloc(void)
{
    return __lsan_do_recoverable_leak_check != NULL && __lsan_do_recoverable_leak_check() != 0;
}

/* Runs the body between two inventories; a difference is a failure. */
static _Noreturn void run_body(const struct test *test, unsigned time_limit)
{
    static struct inventory before, after;
    take_inventory(&before);
    set_time_limit(time_limit);
    test->body();
    alarm(0);
    faults_end();
    asyncp_sys_unmap_leftovers();
    take_inventory(&after);
    bool leaks = report_descriptors(&before, &after);
    leaks |= report_memory(&before, &after);
    leaks |= report_malloc();
    end_case(leaks ? STATUS_LEAKS : 0);
}

static _Noreturn void run_script(const struct test *test, unsigned time_limit)
{
    /* kills the script without a message; the parent knows what the signal means */
    alarm(time_limit);
    setenv("BUILD_DIR", TEST_BUILD_DIR, 1);
    setenv("CC", TEST_CC, 1);
    setenv("WRAPPER", test_wrapper(), 1);
    if (chdir(TEST_SOURCE_DIR) == 0)
        execvp(test->script[0], (char *const *)test->script);
    if (errno == ENOENT)
        test_skip("Python or the source is not available here");
    test_fail(test->file, test->line, "%s: %s", test->script[0], strerror(errno));
}

void test_needs_python(void)
{
    if (system("python3 -c '' 2>/dev/null") != 0)
        test_skip("Python is not available here");
}

/* ---- the start -------------------------------------------------------------------------- */

/*
 * Resets everything that it must not inherit from the runner or from the runner's parent; limits
 * for files last, so that they can be opened.
 */
static void leave_parent_behind(void)
{
    static const int defaults[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE, SIGCHLD};
    sigset_t none;
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        signal(defaults[i], SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    struct rlimit core;
    getrlimit(RLIMIT_CORE, &core);
    core.rlim_cur = 0; /* a test that wants a core may raise it */
    setrlimit(RLIMIT_CORE, &core);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){MAX_OUTPUT, RLIM_INFINITY});
}

/* Only the standard error of a death test is examined. */
static void redirect(const struct test *test, int output)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nothing, STDIN_FILENO);
    dup2(test->last_words == NULL ? output : nothing, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0); /* musl has no function for it */
}

_Noreturn void case_run(const struct test *test, const char *backend, int output,
                        unsigned time_limit)
{
    leave_parent_behind();
    redirect(test, output);
    options.backend = backend;
    options.virtual_clock = !test->real_clock;
    if (test->script != NULL)
        run_script(test, time_limit);
    run_body(test, time_limit);
}
