/*
 * sync/event.c: Event. Those who wait have their wake-up when the event is set, so that one that is
 * cleared in the same turn has reached them all the same.
 */
#include "sched/pace.h"
#include "sync/line.h"
#include <asyncio/sync.h>

struct event {
    struct list waiters; /* tasks that wait for it; there are none while it is set */
    bool set;            /* it has happened */
};

_Static_assert(sizeof(async_event) >= sizeof(struct event), "the public struct holds the event");
_Static_assert(_Alignof(async_event) >= _Alignof(struct event), "and is aligned for it");

static struct event *event_of(const async_event *event, const char *call)
{
    ENSURE(event != NULL, "%s: the event is NULL", call);
    return (struct event *)(uintptr_t)event;
}

int async_event_wait(async_event *public_event)
{
    struct async_loop *loop = loop_enter("async_event_wait");
    struct event *event = event_of(public_event, "async_event_wait");
    if (unlikely(loop_running(loop)->refused))
        return asyncp_refused(loop);
    if (event->set)
        return paced(loop, PACE_STEP, 0);
    return asyncp_stand_in_line(loop, &event->waiters, "async_event_wait", event,
                                asyncp_refuse_wait);
}

void async_event_set(async_event *public_event)
{
    struct event *event = event_of(public_event, "async_event_set");
    loop_check_handler(asyncp_current, "async_event_set");
    event->set = true;
    asyncp_wake_all(&event->waiters, 0);
}

void async_event_clear(async_event *event)
{
    event_of(event, "async_event_clear")->set = false;
}

bool async_event_is_set(const async_event *event)
{
    return event_of(event, "async_event_is_set")->set;
}

struct list *asyncp_event_line(async_event *event)
{
    return &event_of(event, "async_select")->waiters;
}
