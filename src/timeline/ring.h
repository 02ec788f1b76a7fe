/*
 * timeline/ring.h: the record of a traced loop: events of 16 bytes in a ring. The loop's thread
 * alone writes; the command reads the ring also from a core.
 *
 *      one turn      RUN  WAKE… CREATE…  then one of WAIT, YIELD, START, END
 *      a callback    RUN of task 0, …, DONE
 *      idle          SLEEP, until the next event
 *
 * The tasks of the WAKE and CREATE events between a RUN and the end of its turn were made ready by
 * the running task; others were made ready by the loop: by a timer or by the kernel. All events of
 * one stop have one reading of the clock.
 *
 * WAIT and END take two events: the second one is a detail. A block of the ring begins with a whole
 * event, so the oldest whole events begin with a block.
 */
#ifndef TIMELINE_RING_H
#define TIMELINE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum event_kind {
    EVENT_FILLER, /* at the end of a block */
    EVENT_RUN,
    EVENT_WAKE,
    EVENT_CREATE,
    EVENT_WAIT, /* detail: call and object */
    EVENT_YIELD,
    EVENT_START, /* the task runs another one, which it has created, and goes on after it */
    EVENT_END,   /* detail: name and where */
    EVENT_DONE,
    EVENT_SLEEP,
    EVENT_KINDS
};

/* Flags of events. */
enum {
    WAKE_CANCELLED = 1, /* by a request to cancel */
    WAKE_TIMER = 2,     /* by its own timer */
    SLEEP_FOREVER = 1,  /* no timer is set, no operation or job is pending */
    SLEEP_DEADLOCK = 2  /* and the run reports that now */
};

/* Two words, which are stored and read whole: parts that were just stored are slow to read. */
struct trace_event {
    union {
        uint64_t ticks;
        uint64_t first; /* of a detail: an address */
    };
    union {
        uint64_t what;
        uint64_t second; /* of a detail: an address or a descriptor */
    };
};

/* task: the low half of its id; result: of END. */
static inline uint64_t event_what(enum event_kind kind, uint32_t task, unsigned flags,
                                  int16_t result)
{
    return task | (uint64_t)kind << 32 | (uint64_t)flags << 40 | (uint64_t)(uint16_t)result << 48;
}

static inline uint32_t event_task(const struct trace_event *event)
{
    return (uint32_t)event->what;
}

/* Of a ring that may be damaged: perhaps none of enum event_kind. */
static inline uint8_t event_kind(const struct trace_event *event)
{
    return (uint8_t)(event->what >> 32);
}

static inline uint8_t event_flags(const struct trace_event *event)
{
    return (uint8_t)(event->what >> 40);
}

static inline int16_t event_result(const struct trace_event *event)
{
    return (int16_t)(event->what >> 48);
}

/* The name of a task that has one of its own, which may be freed before the ring is read. */
struct trace_name {
    uint32_t task;
    char text[60];
};

/* Both clocks at one moment. */
struct clock_pair {
    uint64_t ticks;
    int64_t ns;
};

enum {
    BLOCK_EVENTS = 4096,
    RING_NAMES = 8192,
    MAX_RING_BLOCKS = 1024,
    RING_VERSION = 2 /* changes with the structs of this file */
};

#define RING_MAGIC UINT64_C(0x656e696c656d6974)

struct trace_ring {
    uint64_t magic;
    uint32_t version;
    uint32_t blocks;           /* a power of two */
    _Atomic uint64_t position; /* events written, with fillers: of all turns that have ended */
    _Atomic uint64_t names_written;
    struct clock_pair opened, latest;
    uint32_t is_virtual; /* ticks are nanoseconds */
    uint32_t has_ticks;  /* the processor's counter is used */
    struct trace_name names[RING_NAMES];
    struct trace_event events[];
};

static inline size_t ring_bytes(uint32_t blocks)
{
    return sizeof(struct trace_ring) + (size_t)blocks * BLOCK_EVENTS * sizeof(struct trace_event);
}

#endif
