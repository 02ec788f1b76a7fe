/*
 * sync/event.h: the functions of an event for async_select.
 */
#ifndef SYNC_EVENT_H
#define SYNC_EVENT_H

#include "base/list.h"
#include <asyncio/sync.h>

/*
 * The tasks waiting for the event. A caller may append a waiter only in the step in which it
 * found the event clear.
 */
struct list *asyncp_event_waiters(async_event *event);

#endif
