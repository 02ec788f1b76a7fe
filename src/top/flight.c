/*
 * top/flight.c: reads the rings of this process through its own view: loops on other threads go on
 * meanwhile.
 *
 * Before an abort another thread reads them, because the aborting thread may be on the small stack
 * of a task. If it has interrupted malloc, or holds the lock of the file, the other thread blocks.
 * Then the process is aborted after 5 seconds without a timeline.
 */
#include "top/flight.h"
#include "base/text.h"
#include "inspect/process.h"
#include "loop/loops.h"
#include "loop/tracing.h"
#include "sys/report.h"
#include "sys/thread.h"
#include "timeline/rings.h"
#include "top/layout.h"
#include <pthread.h>

enum { LONGEST_ABORT_S = 5 };

void asyncp_flight_record(uint32_t loop, enum timeline_end why)
{
    struct output sections = {.bytes = NULL};
    if (!asyncp_flight_is_wanted())
        return;
    const struct rings rings = {.view = &asyncp_own_view,
                                .layout = asyncp_own_layout(),
                                .loops = (uintptr_t)&asyncp_loops,
                                .process = (uint32_t)asyncp_sys_process_id(),
                                .only = loop,
                                .end = why,
                                .is_live = true};
    int result = asyncp_rings_encode(&sections, &rings);
    if (result < 0)
        asyncp_report("ASYNCIO_TRACE: the flight recorder cannot be read: %s",
                      asyncp_error_meaning(result));
    else if (result > 0)
        asyncp_flight_append(&sections);
    asyncp_output_free(&sections);
}

/* ---- aborts ---------------------------------------------------------------------------------- */

static void *write_all_loops(void *unused)
{
    asyncp_flight_record(0, TIMELINE_ABORTED);
    return unused;
}

/* Called once. */
static void write_before_abort(void)
{
    pthread_t thread;
    if (asyncp_sys_thread_start(&thread, write_all_loops, NULL) == 0)
        pthread_join(thread, NULL);
}

void asyncp_flight_before_abort(void)
{
    asyncp_before_abort(write_before_abort, LONGEST_ABORT_S);
}
