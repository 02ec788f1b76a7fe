/* loop/metrics.h: the counters of a loop, as the program gets them. */
#ifndef LOOP_METRICS_H
#define LOOP_METRICS_H

#include <asyncio/metrics.h>

struct async_loop;

/* What the loop has counted until now. It is the loop of the calling thread. */
void asyncp_metrics_read(async_metrics *metrics, const struct async_loop *loop);

/*
 * The same of a loop of any thread, which must not be closed meanwhile; the turns of the present
 * burst are left out. `scratch` is for a copy of the loop. false: no copy was of one moment.
 */
bool asyncp_metrics_copy(async_metrics *metrics, const struct async_loop *loop,
                         struct async_loop *scratch);

#endif
