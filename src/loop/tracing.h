/*
 * loop/tracing.h: which loops are traced, and where their timelines are written. ASYNCIO_TRACE says
 * it:
 *
 *     run.html           a page with the timelines of all loops, written when each of them ends
 *     run.trace          the same as a file for the command `asyncio trace`
 *     flight:run.html    only the last moments, written when one of the functions below is called
 *     flight=16:run.html the same with a ring of 16 MiB: 1 to 64, rounded up to a
 *                        power of two
 */
#ifndef LOOP_TRACING_H
#define LOOP_TRACING_H

#include "timeline/encode.h"

struct async_loop;

/* For a new loop: traces it if ASYNCIO_TRACE is set. Reports why it cannot be traced. */
void asyncp_tracing_open(struct async_loop *loop);

/* Writes the timeline of a loop that ends, unless it is a flight recorder, and stops tracing. */
void asyncp_tracing_close(struct async_loop *loop);

/*
 * After a tool has begun to use probes of the process, or has ceased: executes them with each event
 * of the loop, which is traced meanwhile. Between turns.
 */
void asyncp_tracing_use_probes(struct async_loop *loop);

/*
 * Appends the record of a flight recorder to its file, a few times for each process. On the loop's
 * thread. 0, also if the loop has none; -errno, which was reported.
 */
int asyncp_flight_write(struct async_loop *loop, enum timeline_end why);

/* For other threads: whether loops have flight recorders, and how their sections are appended. */
bool asyncp_flight_is_wanted(void);
int asyncp_flight_append(const struct output *sections);

/* In a new child: another thread may have held the lock. */
void asyncp_tracing_fork(void);

#endif
