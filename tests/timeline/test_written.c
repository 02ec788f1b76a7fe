/* test_written.c: which timelines are in the file of a process, and what becomes of the file. */
#include "loop/tracing.h"
#include "run/capture.h"
#include "run/runner.h"
#include "sched/current.h"
#include "timeline/decode.h"
#include "timeline/output.h"
#include "top/flight.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_PATH = 64 };

static char folder[] = "/tmp/asyncio-written-XXXXXX";

/* Sets ASYNCIO_TRACE to files in a new folder, which the test leaves empty. */
static void begin_folder(const char *prefix)
{
    char value[MAX_PATH];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(value, sizeof value, "%s%s/run.%%p.trace", prefix, folder);
    CHECK_EQ(setenv("ASYNCIO_TRACE", value, 1), 0);
}

static const char *path_of(int process)
{
    static char path[MAX_PATH];
    snprintf(path, sizeof path, "%s/run.%d.trace", folder, process);
    return path;
}

static void end_folder(void)
{
    CHECK_EQ(rmdir(folder), 0);
    CHECK_EQ(unsetenv("ASYNCIO_TRACE"), 0);
}

/* The timelines in the file of a process, which is removed. How many; -EPROTO: it is damaged. */
static int count_timelines(int process)
{
    static char bytes[1 << 20];
    const char *path = path_of(process);
    struct timeline timeline;
    size_t offset;
    int count = 0, result;
    FILE *file = fopen(path, "rb");
    CHECK(file != NULL);
    size_t size = fread(bytes, 1, sizeof bytes, file);
    CHECK(size < sizeof bytes && fclose(file) == 0 && unlink(path) == 0);
    CHECK(asyncp_timeline_is_file(bytes, size, &offset));
    while ((result = asyncp_timeline_decode(&timeline, bytes, size, &offset)) > 0) {
        asyncp_timeline_free(&timeline);
        count++;
    }
    return result < 0 ? result : count;
}

/* ---- a child of fork() ----------------------------------------------------------------------- */

static int writes_all_loops(void)
{
    asyncp_flight_record(0, TIMELINE_ABORTED);
    return 0;
}
async_fn(writes_all_loops);

static int forks(int *child)
{
    *child = fork();
    if (*child == 0)
        _exit(async_run(writes_all_loops) == 0 ? 0 : 1);
    int status;
    CHECK_EQ(waitpid(*child, &status, 0), *child);
    CHECK_EQ(status, 0);
    return 0;
}
async_fn(forks, int *);

TEST(trace_of_a_child_has_no_loops_of_its_parent)
{
    int child = 0;
    begin_folder("flight:");
    CHECK_EQ(async_run_with(test_options(), forks, &child), 0);
    CHECK_EQ(count_timelines(child), 1);
    end_folder();
}

/* ---- a disk that is full --------------------------------------------------------------------- */

/* The file may have so many bytes more than the ones that it has. */
static void limit_file(rlim_t more)
{
    struct stat status;
    struct rlimit limit;
    CHECK_EQ(stat(path_of(getpid()), &status), 0);
    CHECK_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = more == RLIM_INFINITY ? limit.rlim_max : (rlim_t)status.st_size + more;
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* The second record has room for its begin only. */
static int writes_three_records(void)
{
    struct async_loop *loop = asyncp_current;
    CHECK_EQ(asyncp_flight_write(loop, TIMELINE_RUNNING), 0);
    limit_file(20);
    CHECK_EQ(asyncp_flight_write(loop, TIMELINE_RUNNING), -EFBIG);
    limit_file(RLIM_INFINITY);
    CHECK_EQ(asyncp_flight_write(loop, TIMELINE_RUNNING), 0);
    return 0;
}
async_fn(writes_three_records);

TEST(trace_has_no_half_of_a_record)
{
    begin_folder("flight:");
    signal(SIGXFSZ, SIG_IGN);
    CHECK_EQ(async_run_with(test_options(), writes_three_records), 0);
    CHECK_EQ(count_timelines(getpid()), 2);
    end_folder();
}

/* ---- what the file may be -------------------------------------------------------------------- */

static int returns_0(void)
{
    return 0;
}
async_fn(returns_0);

static void run_traced(void)
{
    CHECK_EQ(async_run_with(test_options(), returns_0), 0);
}

/* It is not blocked, whether or not there is a reader. */
TEST(trace_is_not_written_to_a_fifo)
{
    begin_folder("");
    CHECK_EQ(mkfifo(path_of(getpid()), 0600), 0);
    for (int readers = 0; readers < 2; readers++) {
        int reader = readers > 0 ? open(path_of(getpid()), O_RDONLY | O_NONBLOCK) : -1;
        capture_begin();
        run_traced();
        CHECK(strstr(capture_end(), ".trace cannot be written: it is not a regular file") != NULL);
        CHECK(reader < 0 || close(reader) == 0);
    }
    CHECK_EQ(unlink(path_of(getpid())), 0);
    end_folder();
}

TEST(trace_is_written_where_a_symbolic_link_points)
{
    struct stat status;
    char link[MAX_PATH], file[MAX_PATH];
    begin_folder("");
    snprintf(link, sizeof link, "%s", path_of(getpid()));
    snprintf(file, sizeof file, "%s/file", folder);
    CHECK_EQ(symlink("file", link), 0);
    run_traced();
    CHECK_EQ(stat(file, &status), 0);
    CHECK(status.st_size > 0 && rename(file, link) == 0);
    CHECK_EQ(count_timelines(getpid()), 1);
    end_folder();
}
