/* loop/loops.c: the list of all loops of the process. */
#include "loop/loops.h"
#include "inspect/layout.h"
#include "sched/loop.h"
#include "sys/thread.h"

/* Found by the note of top/layout.c, not by name. */
__attribute__((used)) struct loops asyncp_loops = {
    .magic = LAYOUT_MAGIC, .future = &asyncp_future, .resume = &asyncp_switch_resume};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

void asyncp_loops_add(struct async_loop *loop)
{
    static uint32_t last_number;
    pthread_mutex_lock(&mutex);
    loop->listing = (struct listing){.next = asyncp_loops.first,
                                     .number = ++last_number,
                                     .process = asyncp_sys_process_id(),
                                     .thread = asyncp_sys_thread_id()};
    asyncp_loops.first = loop;
    pthread_mutex_unlock(&mutex);
}

void asyncp_loops_remove(struct async_loop *loop)
{
    pthread_mutex_lock(&mutex);
    struct async_loop **link = &asyncp_loops.first;
    while (*link != loop)
        link = &(*link)->listing.next;
    *link = loop->listing.next;
    pthread_mutex_unlock(&mutex);
}

uint32_t asyncp_loop_number(const struct async_loop *loop)
{
    return loop->listing.number;
}

int32_t asyncp_loop_thread(const struct async_loop *loop)
{
    return loop->listing.thread;
}

/* Copies that a child of fork() has are left out. */
static const struct async_loop *find_loop_before(const struct async_loop *end, int32_t process)
{
    const struct async_loop *found = NULL;
    for (const struct async_loop *loop = asyncp_loops.first; loop != end; loop = loop->listing.next)
        if (loop->listing.process == process)
            found = loop;
    return found;
}

int asyncp_loops_each(int (*visit)(void *argument, const struct async_loop *loop), void *argument)
{
    int32_t process = asyncp_sys_process_id();
    int result = 0;
    pthread_mutex_lock(&mutex);
    const struct async_loop *loop = NULL;
    while (result >= 0 && (loop = find_loop_before(loop, process)) != NULL)
        result = visit(argument, loop);
    pthread_mutex_unlock(&mutex);
    return result < 0 ? result : 0;
}

bool asyncp_loops_has(const struct async_loop *loop)
{
    pthread_mutex_lock(&mutex);
    const struct async_loop *open = asyncp_loops.first;
    while (open != NULL && open != loop)
        open = open->listing.next;
    pthread_mutex_unlock(&mutex);
    return open != NULL;
}

void asyncp_loops_fork(void)
{
    mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}
