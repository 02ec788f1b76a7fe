/*
 * sync/event.c: async_event. Setting the event wakes all waiters at once, so they return even if
 * the event is cleared before they run.
 */
#include "sync/event.h"
#include "base/values.h"
#include "sched/pace.h"

struct event {
    struct list waiters; /* empty while set */
    bool set;
};

_Static_assert(sizeof(async_event) >= sizeof(struct event) &&
                   _Alignof(async_event) >= _Alignof(struct event),
               "async_event must have room for struct event");

static struct event *event_of(const async_event *event, const char *call)
{
    ENSURE(event != NULL, "%s: the event is NULL", call);
    return unconst(event);
}

int async_event_wait(async_event *public_event)
{
    struct async_loop *loop = loop_enter("async_event_wait");
    struct event *event = event_of(public_event, "async_event_wait");
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop);
    if (event->set)
        return paced(loop, PACE_STEP, 0);
    return asyncp_wait_in_list(loop, &event->waiters, "async_event_wait", event,
                               asyncp_cancel_wait);
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

struct list *asyncp_event_waiters(async_event *event)
{
    return &event_of(event, "async_select")->waiters;
}
