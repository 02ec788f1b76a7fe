/*
 * top/flight.h: writes flight recorders (ASYNCIO_TRACE=flight:…) of loops that cannot do it
 * themselves: a task holds them, or the process is about to be aborted. They are read as the
 * command `asyncio trace PID` reads them.
 */
#ifndef TOP_FLIGHT_H
#define TOP_FLIGHT_H

#include "timeline/encode.h"

/*
 * Appends the records of a loop by its number, or of all loops (0), to the file, a few times for
 * each process. From any thread; allocates memory. Errors are reported.
 */
void asyncp_flight_record(uint32_t loop, enum timeline_end why);

/* From now on the records of all loops are written before the library aborts the process. */
void asyncp_flight_before_abort(void);

#endif
