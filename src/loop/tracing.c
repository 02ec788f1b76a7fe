/*
 * loop/tracing.c: reads ASYNCIO_TRACE, and appends the timelines of loops to one file of the
 * process. Loops of several threads may end at once, and other threads may write their flight
 * recorders. In a child of fork() the file has the process's number in its name, because the parent
 * writes the other one.
 */
#include "loop/tracing.h"
#include "inspect/process.h"
#include "loop/loop.h"
#include "loop/loops.h"
#include "sched/park.h"
#include "sys/file.h"
#include "sys/probe.h"
#include "sys/report.h"
#include "sys/thread.h"
#include "timeline/page.h"
#include <stdio.h>
#include <stdlib.h>

enum {
    BLOCKS_PER_MIB = 16,
    FULL_BLOCKS = MAX_RING_BLOCKS, /* 64 MiB, touched only as far as they are used */
    FLIGHT_BLOCKS = BLOCKS_PER_MIB,
    MAX_FILE_BYTES = 64 << 20, /* of all timelines of a process */
    MAX_FLIGHTS = 8,           /* times that flight recorders are written */
    MAX_PATH_BYTES = 4096
};

/* The value of ASYNCIO_TRACE. */
struct destination {
    char path[MAX_PATH_BYTES];
    bool is_page, is_flight;
    uint32_t blocks; /* of the ring */
};
_Static_assert(BLOCK_EVENTS * sizeof(struct trace_event) * BLOCKS_PER_MIB == 1 << 20,
               "blocks are counted in MiB");

/* The file of this process, and where other threads write the flight recorders. */
static struct {
    pthread_mutex_t mutex;
    int32_t process; /* that has begun it; 0: none */
    size_t bytes;
    unsigned flights;
    struct destination flight; /* of the last loop; another thread must not read the environment */
    int32_t flight_process;
} written = {.mutex = PTHREAD_MUTEX_INITIALIZER};

void asyncp_tracing_fork(void)
{
    written.mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

/* ---- the name -------------------------------------------------------------------------------- */

static bool ends_in(const char *text, const char *ending)
{
    size_t length = strlen(text), end = strlen(ending);
    return length > end && strcmp(text + length - end, ending) == 0;
}

/* "%p" is the number of the process; a child of fork() has it before the ending of the name. */
static bool expand_path(char path[MAX_PATH_BYTES], const char *pattern)
{
    const char *number = strstr(pattern, "%p"), *rest = number != NULL ? number + 2 : NULL;
    int length;
    if (number == NULL && asyncp_fork_generation() > 0)
        number = rest = strrchr(pattern, '.');
    if (number == NULL)
        length = snprintf(path, MAX_PATH_BYTES, "%s", pattern);
    else
        length = snprintf(path, MAX_PATH_BYTES, "%.*s%s%d%s", (int)(number - pattern), pattern,
                          rest == number ? "." : "", (int)asyncp_sys_process_id(), rest);
    return length > 0 && length < MAX_PATH_BYTES;
}

/*
 * Takes "flight:" or "flight=MIB:" from the begin of the value. Returns the rest; NULL: the number
 * of MiB is none that a ring can have.
 */
static const char *take_flight(struct destination *destination, const char *value)
{
    static const char flight[] = "flight";
    const char *end = value + strlen(flight);
    destination->blocks = FULL_BLOCKS;
    if (strncmp(value, flight, strlen(flight)) != 0 || (*end != ':' && *end != '='))
        return value;
    destination->is_flight = true;
    destination->blocks = FLIGHT_BLOCKS;
    if (*end == ':')
        return end + 1;
    char *behind;
    unsigned long mib = strtoul(end + 1, &behind, 10);
    if (behind == end + 1 || *behind != ':' || mib < 1 || mib > FULL_BLOCKS / BLOCKS_PER_MIB)
        return NULL;
    while (destination->blocks < mib * BLOCKS_PER_MIB)
        destination->blocks *= 2;
    return behind + 1;
}

/* Whether ASYNCIO_TRACE is set, and can be used. */
static bool find_destination(struct destination *destination)
{
    const char *value = secure_getenv("ASYNCIO_TRACE");
    if (value == NULL || *value == 0)
        return false;
    *destination = (struct destination){.is_flight = false};
    const char *pattern = take_flight(destination, value);
    destination->is_page = pattern != NULL && ends_in(pattern, ".html");
    if (pattern == NULL)
        asyncp_report(
            "ASYNCIO_TRACE=%s: a flight recorder has 1 to 64 MiB, rounded up to a power of "
            "two: flight=16:run.html; nothing is traced",
            value);
    else if (!destination->is_page && !ends_in(pattern, ".trace"))
        asyncp_report("ASYNCIO_TRACE=%s: the name must end in .html, or in .trace, which `asyncio "
                      "trace` makes SVG and Perfetto files of; nothing is traced",
                      value);
    else if (expand_path(destination->path, pattern))
        return true;
    else
        asyncp_report("ASYNCIO_TRACE: the name is too long; nothing is traced");
    return false;
}

void asyncp_tracing_open(struct async_loop *loop)
{
    struct destination destination;
    if (!find_destination(&destination))
        return;
    int result = asyncp_tracer_open(loop, destination.blocks, false);
    if (result < 0)
        asyncp_report("ASYNCIO_TRACE: the loop cannot be traced: %s", asyncp_error_meaning(result));
    pthread_mutex_lock(&written.mutex);
    written.flight = destination;
    written.flight_process = asyncp_sys_process_id();
    pthread_mutex_unlock(&written.mutex);
    asyncp_set_beginning(loop);
}

/* ---- the file -------------------------------------------------------------------------------- */

static int write_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t count = asyncp_sys_write(fd, bytes, size);
        if (count < 0 && count != -EINTR && count != -EAGAIN)
            return (int)count;
        bytes += count > 0 ? count : 0;
        size -= count > 0 ? (size_t)count : 0;
    }
    return 0;
}

static void report_failure(const struct destination *destination, int result)
{
    asyncp_report("ASYNCIO_TRACE: %s cannot be written: %s", destination->path,
                  result == -EOPNOTSUPP ? "it is not a regular file"
                                        : asyncp_error_meaning(result));
}

/* The bytes to append to the file; `begins`: with those that a file begins with. */
static int make_bytes(struct output *output, const struct destination *destination,
                      const struct output *sections, bool begins)
{
    int result = 0;
    if (begins && destination->is_page)
        asyncp_page_begin(output);
    else if (begins)
        asyncp_timeline_begin(output);
    if (destination->is_page)
        result = asyncp_page_add(output, sections->bytes, sections->count);
    else
        asyncp_output_put(output, sections->bytes, sections->count);
    return result == 0 && output->failed ? -ENOMEM : result;
}

/* Half a section would hide all later ones, so the file is made as long as before it. */
static int append_bytes(int fd, const struct output *output, int64_t size_before)
{
    int result = write_all(fd, output->bytes, output->count);
    if (result < 0)
        asyncp_sys_truncate(fd, size_before);
    else
        written.bytes += output->count;
    return result;
}

/* The file may have been moved away since this process has begun it. Under the mutex. */
static int append_sections(const struct destination *destination, const struct output *sections)
{
    struct output output = {.bytes = NULL};
    struct stat status;
    const int32_t process = asyncp_sys_process_id();
    int fd = asyncp_sys_create(destination->path, written.process != process);
    if (fd < 0)
        return fd;
    written.process = process;
    int result = asyncp_sys_fd_status(fd, &status);
    if (result == 0)
        result = make_bytes(&output, destination, sections, status.st_size == 0);
    if (result == 0)
        result = append_bytes(fd, &output, status.st_size);
    asyncp_sys_close(fd);
    asyncp_output_free(&output);
    return result;
}

/* 0 or -errno, which was reported. */
static int append_to_file(const struct destination *destination, const struct output *sections)
{
    int result = 0;
    pthread_mutex_lock(&written.mutex);
    if (written.process != asyncp_sys_process_id())
        written.bytes = written.flights = 0;
    bool is_full = written.bytes > MAX_FILE_BYTES;
    bool is_enough = destination->is_flight && ++written.flights > MAX_FLIGHTS;
    if (!is_full && !is_enough)
        result = append_sections(destination, sections);
    pthread_mutex_unlock(&written.mutex);
    if (is_full)
        asyncp_report("ASYNCIO_TRACE: %s is full; the timeline of a loop is left out",
                      destination->path);
    if (result < 0)
        report_failure(destination, result);
    return result;
}

/* ---- a timeline ------------------------------------------------------------------------------ */

static void list_live_tasks(struct async_loop *loop, struct live_task *live)
{
    for (struct async_task *task = NULL; (task = asyncp_task_next(loop, task)) != NULL; live++) {
        const struct wait *wait = task->coroutine->wait;
        const char *function = task->coroutine->function->name;
        *live = (struct live_task){.task = (uint32_t)task->id,
                                   .name = (uintptr_t)function,
                                   .own_name = task->name != function ? (uintptr_t)task->name : 0,
                                   .where = (uintptr_t)task->where};
        if (wait != NULL && !wait->claimed) {
            live->call = (uintptr_t)wait->call;
            live->object = (uintptr_t)wait->object;
        }
    }
}

static int encode_loop(struct async_loop *loop, enum timeline_end why, struct output *output)
{
    const size_t count = loop_alive(loop);
    struct live_task *live = calloc(count + 1, sizeof *live);
    if (live == NULL)
        return -ENOMEM;
    list_live_tasks(loop, live);
    asyncp_tracer_read_clocks(loop);
    const struct recording recording = {.ring = tracer_ring(&loop->tracer),
                                        .view = &asyncp_own_view,
                                        .loop = asyncp_loop_number(loop),
                                        .thread = (uint32_t)asyncp_sys_thread_id(),
                                        .backend = loop->poller.calls->name,
                                        .now_ns = (uint64_t)asyncp_now(loop),
                                        .end = why,
                                        .timers = asyncp_timer_count(loop),
                                        .in_flight = loop->poller.in_flight,
                                        .jobs = loop_jobs(loop),
                                        .live = live,
                                        .live_count = count};
    int result = asyncp_timeline_encode(output, &recording);
    free(live);
    return result;
}

static int write_timeline(struct async_loop *loop, const struct destination *destination,
                          enum timeline_end why)
{
    struct output section = {.bytes = NULL};
    int result = encode_loop(loop, why, &section);
    if (result < 0)
        report_failure(destination, result);
    else
        result = append_to_file(destination, &section);
    asyncp_output_free(&section);
    return result;
}

/* Whether ASYNCIO_TRACE has opened the ring. The variable may have changed since. */
static bool is_to_be_written(const struct async_loop *loop)
{
    return loop_is_traced(loop) && !tracer_is_for_probes(&loop->tracer);
}

void asyncp_tracing_close(struct async_loop *loop)
{
    struct destination destination;
    if (!loop_is_traced(loop))
        return;
    if (is_to_be_written(loop) && !loop_is_inherited(loop) && find_destination(&destination) &&
        !destination.is_flight)
        write_timeline(loop, &destination, TIMELINE_CLOSED);
    asyncp_tracer_close(loop);
}

void asyncp_tracing_use_probes(struct async_loop *loop)
{
    const bool are_used = probes_are_used();
    int result = 0;
    if (are_used && !loop_is_traced(loop))
        result = asyncp_tracer_open(loop, FLIGHT_BLOCKS, true);
    if (result < 0)
        asyncp_report("probes: the loop cannot be traced: %s", asyncp_error_meaning(result));
    if (!are_used && tracer_is_for_probes(&loop->tracer))
        asyncp_tracer_close(loop);
    asyncp_tracer_probe(loop, are_used);
    asyncp_set_beginning(loop);
}

static bool find_flight(struct destination *destination)
{
    return find_destination(destination) && destination->is_flight;
}

int asyncp_flight_write(struct async_loop *loop, enum timeline_end why)
{
    struct destination destination;
    if (!is_to_be_written(loop) || !find_flight(&destination))
        return 0;
    return write_timeline(loop, &destination, why);
}

/* A child of fork() has none before it opens a loop. */
static bool copy_flight(struct destination *destination)
{
    pthread_mutex_lock(&written.mutex);
    *destination = written.flight;
    bool is_ours = destination->is_flight && written.flight_process == asyncp_sys_process_id();
    pthread_mutex_unlock(&written.mutex);
    return is_ours;
}

bool asyncp_flight_is_wanted(void)
{
    struct destination destination;
    return copy_flight(&destination);
}

int asyncp_flight_append(const struct output *sections)
{
    struct destination destination;
    return copy_flight(&destination) ? append_to_file(&destination, sections) : 0;
}

/* exit() in a task runs on the stack of the task, which may be a small one. */
static bool has_room_to_write(const struct async_loop *loop)
{
    enum { MIN_STACK_BYTES = 64 << 10 };
    const struct coroutine *self = loop_running(loop);
    return self == NULL || stack_size(&self->stack) >= MIN_STACK_BYTES;
}

/* The program ends by exit() while a loop of this thread runs. */
__attribute__((destructor)) static void write_at_exit(void)
{
    struct destination destination;
    struct async_loop *loop = asyncp_current;
    if (loop == NULL || !is_to_be_written(loop) || !loop_is_of_this_process(loop) ||
        !find_destination(&destination) || destination.is_flight)
        return;
    if (has_room_to_write(loop))
        write_timeline(loop, &destination, TIMELINE_EXITED);
    else
        asyncp_report("ASYNCIO_TRACE: the program has ended by exit() in a task with a stack below "
                      "64 KiB; no timeline is written");
}
