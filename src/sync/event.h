/*
 * sync/event.h: what async_select needs of an event.
 */
#ifndef SYNC_EVENT_H
#define SYNC_EVENT_H

#include "base/list.h"
#include <asyncio/sync.h>

/*
 * The tasks that wait for the event. A caller may append a waiter only in the step in which it
 * found the event clear.
 */
struct list *asyncp_event_waiters(async_event *event);

#endif
