/*
 * top/observer.h: one thread of the process that notices loops that are held: by a task that
 * computes, by a call that blocks, or by a machine without a free processor. It reads the memory of
 * the loops; they do nothing for it.
 */
#ifndef TOP_OBSERVER_H
#define TOP_OBSERVER_H

#include <stdbool.h>
#include <stdint.h>

struct async_loop;
struct stall;

/*
 * Has the calling thread's loop observed until it is closed. The thread is started for the first
 * loop and ended with the last one. limit_ns: how long the loop may be held; 0: as long as debug
 * mode allows. Without memory or a thread it is not observed.
 */
void asyncp_observe(struct async_loop *loop, int64_t limit_ns);

/* The same, unless it is observed already: debug mode was switched on. */
void asyncp_observe_debug(struct async_loop *loop);

/*
 * Writes the report of another thread about a loop that it has found held, between those of the
 * observer. Returns whether it was written.
 */
bool asyncp_observer_report(const struct stall *stall);

#endif
