/* test_metrics_copy.c: at which moment the copied counters of a loop are true. */
#include "loop/metrics.h"
#include "run/runner.h"
#include "sched/sched.h"
#include "sys/clock.h"
#include "sys/tools.h"
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE_BYTES = 65536 };

static void *pages;
static size_t page_bytes;

/* The copy takes long. */
static void delay_copy(int number)
{
    (void)number;
    asyncp_sys_sleep(50 * NS_PER_MILLISECOND);
    if (mprotect(pages, page_bytes, PROT_READ | PROT_WRITE) < 0)
        abort();
}

/* The first word that is written to it delays the copy. */
static struct async_loop *make_scratch(void)
{
    page_bytes = (sizeof(struct async_loop) + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    pages = mmap(NULL, page_bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    return pages;
}

/* Time that passes after the copy was begun may be that of another phase. */
REAL_LOOP_TEST(metrics_of_a_copy_end_when_it_begins)
{
    if (tools_under_valgrind())
        test_skip("valgrind does not begin the store anew after its fault was handled");
    if (strcmp(test_backend(), "sim") == 0)
        test_skip("its time stands still while a task runs");
    async_metrics before, copied, after;
    const struct sigaction action = {.sa_handler = delay_copy};
    struct sigaction usual;
    struct async_loop *scratch = make_scratch();
    CHECK_EQ(sigaction(SIGSEGV, &action, &usual), 0);
    asyncp_metrics_read(&before, asyncp_current);
    CHECK(asyncp_metrics_copy(&copied, asyncp_current, scratch));
    asyncp_metrics_read(&after, asyncp_current);
    CHECK_EQ(sigaction(SIGSEGV, &usual, NULL), 0);
    CHECK(before.busy <= copied.busy && copied.busy <= after.busy);
    CHECK(after.busy - copied.busy > 0.04);
    CHECK_EQ(munmap(pages, page_bytes), 0);
    return 0;
}
