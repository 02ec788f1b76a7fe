/*
 * held.c: a program for tests/scripts/watchdog.py: a task that holds its loop.
 *
 *     held spin | sleep | fifo | name | mutex | page | many | rests | callback |
 *          after | circle | circles | debug_on | debug_off | idle | busy
 *
 * It ends with 0 if the call that blocked was not disturbed, and with 77 if the kernel allows no
 * page faults that a thread answers.
 */
#include <asyncio.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if __has_include(<linux/userfaultfd.h>)
#include <linux/userfaultfd.h>
#endif

static const double LIMIT = 0.1, HELD = 0.8;

static double read_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

__attribute__((noinline)) static void spin(double seconds)
{
    double end = read_clock() + seconds;
    while (read_clock() < end)
        continue;
    __asm__ volatile(""); /* the call below it is none at the end */
}

static int holds_by_spin(void)
{
    spin(HELD);
    return 0;
}
async_fn(holds_by_spin);

static int holds_by_sleep(void)
{
    double begun = read_clock();
    unsigned left = sleep(1);
    return left == 0 && read_clock() - begun >= 1 ? 0 : -EINTR;
}
async_fn(holds_by_sleep);

static int ends[2];

static void *write_later(void *unused)
{
    struct timespec time = {.tv_nsec = (long)(HELD * 1e9)};
    nanosleep(&time, NULL);
    if (write(ends[1], "x", 1) != 1)
        abort();
    return unused;
}

static int holds_by_fifo(void)
{
    pthread_t thread;
    char byte;
    if (pipe(ends) < 0 || pthread_create(&thread, NULL, write_later, NULL) != 0)
        return -EIO;
    ssize_t size = read(ends[0], &byte, 1);
    pthread_join(thread, NULL);
    return size == 1 ? 0 : -EINTR;
}
async_fn(holds_by_fifo);

/* Replaces libc's function, which would ask the name server of the machine. */
__attribute__((noinline)) struct hostent *gethostbyname(const char *name)
{
    int result = poll(NULL, 0, (int)(HELD * 1e3));
    return result == 0 && *name != 0 ? (struct hostent *)1 : NULL;
}

static int holds_by_name(void)
{
    return gethostbyname("name.example") != NULL ? 0 : -EINTR;
}
async_fn(holds_by_name);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *hold_mutex(void *told)
{
    struct timespec time = {.tv_nsec = (long)(HELD * 1e9)};
    pthread_mutex_lock(&mutex);
    __atomic_store_n((bool *)told, true, __ATOMIC_RELEASE);
    nanosleep(&time, NULL);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static int holds_by_mutex(void)
{
    pthread_t thread;
    bool told = false;
    ASYNC_TRY(async_task_set_name(async_current_task(), "holds_by_\033[mutex"));
    if (pthread_create(&thread, NULL, hold_mutex, &told) != 0)
        return -EIO;
    while (!__atomic_load_n(&told, __ATOMIC_ACQUIRE))
        continue;
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    pthread_join(thread, NULL);
    return 0;
}
async_fn(holds_by_mutex);

/* ---- a page that comes late ----------------------------------------------------------------- */

#if defined(UFFDIO_ZEROPAGE) && defined(SYS_userfaultfd)

static const size_t PAGE_BYTES = 1 << 16; /* of any processor: a whole number of pages */

/* Answers the first fault after a while. */
static void *fill_later(void *range)
{
    struct timespec time = {.tv_nsec = (long)(HELD * 1e9)};
    struct pollfd fault = {.fd = ends[0], .events = POLLIN};
    struct uffdio_zeropage pages = {.range = *(struct uffdio_range *)range};
    if (poll(&fault, 1, -1) != 1)
        abort();
    nanosleep(&time, NULL);
    if (ioctl(ends[0], UFFDIO_ZEROPAGE, &pages) < 0)
        abort();
    return NULL;
}

/* The address of memory without pages; NULL: the kernel allows none. */
static const char *map_late_pages(struct uffdio_range *range)
{
    enum { USER_MODE_ONLY = 1 }; /* all that it allows without privileges */
    struct uffdio_api api = {.api = UFFD_API};
    char *pages = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                       0);
    *range = (struct uffdio_range){.start = (uintptr_t)pages, .len = PAGE_BYTES};
    struct uffdio_register missing = {.range = *range, .mode = UFFDIO_REGISTER_MODE_MISSING};
    ends[0] = (int)syscall(SYS_userfaultfd, O_CLOEXEC | USER_MODE_ONLY);
    bool is_late = ends[0] >= 0 && pages != MAP_FAILED && ioctl(ends[0], UFFDIO_API, &api) == 0 &&
                   ioctl(ends[0], UFFDIO_REGISTER, &missing) == 0;
    return is_late ? pages : NULL;
}

static int holds_by_page(void)
{
    pthread_t thread;
    struct uffdio_range range;
    const volatile char *pages = map_late_pages(&range);
    if (pages == NULL || pthread_create(&thread, NULL, fill_later, &range) != 0)
        exit(77);
    char byte = pages[0];
    pthread_join(thread, NULL);
    return byte;
}

#else

static int holds_by_page(void)
{
    exit(77);
}

#endif
async_fn(holds_by_page);

/* ---- many turns ----------------------------------------------------------------------------- */

static int spins_shortly(void)
{
    spin(LIMIT / 4);
    return 0;
}
async_fn(spins_shortly);

static int spins_again(void)
{
    spin(LIMIT / 4);
    return 0;
}
async_fn(spins_again);

/* One burst: the loop does not poll in between. */
static int holds_by_many(void)
{
    async_task *tasks[24];
    for (int i = 0; i < 24; i++)
        tasks[i] = i % 2 == 0 ? async_create_task(spins_shortly) : async_create_task(spins_again);
    return async_gather_n(tasks, 24, NULL, 0);
}
async_fn(holds_by_many);

static int does_little(void)
{
    return 0;
}
async_fn(does_little);

/* Other tasks have short turns before it in the same burst. */
static int holds_after_others(void)
{
    async_task *tasks[] = {async_create_task(does_little), async_create_task(does_little),
                           async_create_task(holds_by_sleep)};
    return async_gather_n(tasks, 3, NULL, 0);
}
async_fn(holds_after_others);

/* The loop sleeps in its next poll, which ends only after some looks. */
static int holds_and_rests(void)
{
    spin(HELD);
    return async_sleep(0.5);
}
async_fn(holds_and_rests);

static void sleep_in_a_callback(void *unused)
{
    (void)unused;
    sleep(1);
}

static int calls_a_callback(void)
{
    async_call_soon(sleep_in_a_callback, NULL);
    return async_sleep(0.01);
}
async_fn(calls_a_callback);

static async_lock first, second;

static int takes_both(async_lock *one, async_lock *other)
{
    ASYNC_WITH(one);
    ASYNC_TRY(async_sleep(0.01));
    ASYNC_WITH(other);
    return 0;
}
async_fn(takes_both, async_lock *, async_lock *);

/* Two tasks wait for each other; this one goes on, and cancels them. */
static int stands_by_a_circle(void)
{
    async_task *tasks[] = {async_create_task(takes_both, &first, &second),
                           async_create_task(takes_both, &second, &first)};
    ASYNC_TRY(async_sleep(2.5));
    for (int i = 0; i < 2; i++)
        async_task_cancel(tasks[i]);
    return async_gather_n(tasks, 2, NULL, ASYNC_RETURN_EXCEPTIONS) == 0 ? 0 : -EIO;
}
async_fn(stands_by_a_circle);

static int stands_by_circles(void)
{
    enum { CIRCLES = 70 };
    static async_lock locks[CIRCLES][2];
    async_task *tasks[2 * CIRCLES];
    for (int i = 0; i < 2 * CIRCLES; i++)
        tasks[i] = async_create_task(takes_both, &locks[i / 2][i % 2], &locks[i / 2][1 - i % 2]);
    ASYNC_TRY(async_sleep(0.1));
    puts("circles");
    fflush(stdout);
    ASYNC_TRY(async_sleep(2.5));
    for (int i = 0; i < 2 * CIRCLES; i++)
        async_task_cancel(tasks[i]);
    return async_gather_n(tasks, 2 * CIRCLES, NULL, ASYNC_RETURN_EXCEPTIONS) == 0 ? 0 : -EIO;
}
async_fn(stands_by_circles);

/* The limit is that of debug mode, in which the loop is not when it is opened, or not any more. */
static int holds_after_change(bool debug)
{
    async_loop_set_debug(async_get_loop(), debug);
    ASYNC_TRY(async_sleep(0.05));
    spin(HELD);
    return 0;
}
async_fn(holds_after_change, bool);

static int stays_idle(void)
{
    puts("idle");
    fflush(stdout);
    return async_sleep(2);
}
async_fn(stays_idle);

/* It never holds its loop for as long as the limit. */
static int is_busy(void)
{
    double end = read_clock() + 2;
    puts("busy");
    fflush(stdout);
    while (read_clock() < end) {
        spin(LIMIT / 10);
        ASYNC_TRY(async_sleep(0.0001));
    }
    return 0;
}
async_fn(is_busy);

static async_task *start(const char *how)
{
    return strcmp(how, "spin") == 0       ? async_create_task(holds_by_spin)
           : strcmp(how, "sleep") == 0    ? async_create_task(holds_by_sleep)
           : strcmp(how, "fifo") == 0     ? async_create_task(holds_by_fifo)
           : strcmp(how, "name") == 0     ? async_create_task(holds_by_name)
           : strcmp(how, "mutex") == 0    ? async_create_task(holds_by_mutex)
           : strcmp(how, "page") == 0     ? async_create_task(holds_by_page)
           : strcmp(how, "busy") == 0     ? async_create_task(is_busy)
           : strcmp(how, "many") == 0     ? async_create_task(holds_by_many)
           : strcmp(how, "after") == 0    ? async_create_task(holds_after_others)
           : strcmp(how, "rests") == 0    ? async_create_task(holds_and_rests)
           : strcmp(how, "callback") == 0 ? async_create_task(calls_a_callback)
           : strcmp(how, "circle") == 0   ? async_create_task(stands_by_a_circle)
           : strcmp(how, "circles") == 0  ? async_create_task(stands_by_circles)
           : strncmp(how, "debug_", 6) == 0
               ? async_create_task(holds_after_change, strcmp(how, "debug_on") == 0)
               : async_create_task(stays_idle);
}

static int amain(const char *how)
{
    ASYNC_TRY(async_sleep(0.01));
    return async_await(start(how));
}
async_fn(amain, const char *);

int main(int count, char **arguments)
{
    const char *how = count > 1 ? arguments[1] : "idle";
    const bool changes = strncmp(how, "debug_", 6) == 0;
    async_run_options options = {.watchdog = changes ? 0 : LIMIT,
                                 .debug = strcmp(how, "debug_off") == 0};
    return async_main_with(&options, amain, how);
}
