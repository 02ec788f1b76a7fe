/* test_written.c: which timelines are in the file of a process, and what becomes of the file. */
#include "loop/tracing.h"
#include "run/runner.h"
#include "sched/current.h"
#include "timeline/decode.h"
#include "timeline/output.h"
#include "top/flight.h"
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_PATH = 64 };

static char folder[] = "/tmp/asyncio-written-XXXXXX";

/* Sets ASYNCIO_TRACE to a name in a new folder, which the test leaves empty. */
static void begin_folder(const char *prefix, const char *name)
{
    char value[2 * MAX_PATH];
    CHECK(mkdtemp(folder) != NULL);
    snprintf(value, sizeof value, "%s%s/%s", prefix, folder, name);
    CHECK_EQ(setenv("ASYNCIO_TRACE", value, 1), 0);
}

static void end_folder(void)
{
    CHECK_EQ(rmdir(folder), 0);
    CHECK_EQ(unsetenv("ASYNCIO_TRACE"), 0);
}

/* The timelines in a file of the folder, which is removed. How many; -EPROTO: it is damaged. */
static int count_timelines(const char *name)
{
    static char bytes[1 << 20];
    char path[2 * MAX_PATH];
    struct timeline timeline;
    size_t offset;
    int count = 0, result;
    snprintf(path, sizeof path, "%s/%s", folder, name);
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
    char name[32];
    int child = 0;
    begin_folder("flight:", "run.%p.trace");
    CHECK_EQ(async_run_with(test_options(), forks, &child), 0);
    snprintf(name, sizeof name, "run.%d.trace", child);
    CHECK_EQ(count_timelines(name), 1);
    end_folder();
}
