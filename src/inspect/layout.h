/*
 * inspect/layout.h: how another process finds the tasks of this one. The library carries two ELF
 * notes with the owner "asyncio". Notes lie in memory with the program headers, also in programs
 * that are stripped, static or deleted.
 *
 *      type 1    the distance from its descriptor to struct loops, 4 bytes
 *      type 2    struct layout: where the members of the library's structs are
 *
 * This folder knows the structs only by the table. It is filled by top/layout.c, which sees them;
 * the list below is all that both have in common.
 *
 * New entries are appended. LAYOUT_MAJOR changes when an entry changes its meaning or its place.
 */
#ifndef INSPECT_LAYOUT_H
#define INSPECT_LAYOUT_H

#include "inspect/view.h"

enum { LAYOUT_MAJOR = 1, LAYOUT_MINOR = 0, NOTE_LOOPS = 1, NOTE_LAYOUT = 2 };

#define LAYOUT_OWNER "asyncio"

/* The first word of struct loops. */
#define LAYOUT_MAGIC UINT64_C(0x73706f6f6c41534e)

/*
 * WHOLE(tag): the size of a struct. MEMBER(tag, name, path): a member of it. NUMBER(name): a
 * number. The paths are used by top/layout.c alone. Records follow struct chunk at once; a wait is
 * the first member of struct join and of struct select. `hold` and `lateness` are the first of
 * histogram_buckets numbers: bucket i counts durations of at most 2^i µs that are not in an earlier
 * one.
 */
#define LAYOUT_ENTRIES(WHOLE, MEMBER, NUMBER)                                                      \
    WHOLE(loops)                                                                                   \
    MEMBER(loops, magic, magic)                                                                    \
    MEMBER(loops, first, first)                                                                    \
    MEMBER(loops, future, future)                                                                  \
    MEMBER(loops, resume, resume)                                                                  \
    WHOLE(loop)                                                                                    \
    MEMBER(loop, next, listing.next)                                                               \
    MEMBER(loop, number, listing.number)                                                           \
    MEMBER(loop, process, listing.process)                                                         \
    MEMBER(loop, thread, listing.thread)                                                           \
    MEMBER(loop, attention, sched.attention)                                                       \
    NUMBER(attention_sleeping)                                                                     \
    MEMBER(loop, current, sched.current)                                                           \
    MEMBER(loop, now_ns, clock.now_ns)                                                             \
    MEMBER(loop, is_virtual, clock.is_virtual)                                                     \
    MEMBER(loop, timers, clock.timers.count)                                                       \
    MEMBER(loop, chunks, tasks.records.chunks)                                                     \
    MEMBER(loop, created, tasks.created)                                                           \
    MEMBER(loop, ended, tasks.ended)                                                               \
    MEMBER(loop, in_flight, poller.in_flight)                                                      \
    MEMBER(loop, backend, poller.calls)                                                            \
    MEMBER(loop, jobs, activity.jobs)                                                              \
    WHOLE(backend)                                                                                 \
    MEMBER(backend, name, name)                                                                    \
    WHOLE(chunk)                                                                                   \
    MEMBER(chunk, next, next)                                                                      \
    NUMBER(chunk_records)                                                                          \
    WHOLE(task)                                                                                    \
    MEMBER(task, coroutine, coroutine)                                                             \
    MEMBER(task, loop, loop)                                                                       \
    MEMBER(task, id, id)                                                                           \
    MEMBER(task, name, name)                                                                       \
    MEMBER(task, where, where)                                                                     \
    MEMBER(task, waiters, waiters.head.next)                                                       \
    MEMBER(task, references, references)                                                           \
    NUMBER(task_borrowed_bit)                                                                      \
    WHOLE(coroutine)                                                                               \
    MEMBER(coroutine, sp, context.sp)                                                              \
    MEMBER(coroutine, task, task)                                                                  \
    MEMBER(coroutine, wait, wait)                                                                  \
    MEMBER(coroutine, throttled, throttled)                                                        \
    MEMBER(coroutine, requests, requests)                                                          \
    MEMBER(coroutine, stack_log, stack.log)                                                        \
    MEMBER(coroutine, group, member.group)                                                         \
    WHOLE(wait)                                                                                    \
    MEMBER(wait, coroutine, coroutine)                                                             \
    MEMBER(wait, cancel, cancel)                                                                   \
    MEMBER(wait, call, call)                                                                       \
    MEMBER(wait, object, object)                                                                   \
    MEMBER(wait, since_ns, since_ns)                                                               \
    MEMBER(wait, claimed, claimed)                                                                 \
    WHOLE(lock)                                                                                    \
    MEMBER(lock, owner, owner)                                                                     \
    WHOLE(join)                                                                                    \
    MEMBER(join, tasks, tasks)                                                                     \
    MEMBER(join, count, count)                                                                     \
    WHOLE(watch)                                                                                   \
    MEMBER(watch, tasks, tasks)                                                                    \
    MEMBER(watch, count, count)                                                                    \
    WHOLE(watched)                                                                                 \
    MEMBER(watched, next, listener.link.next)                                                      \
    MEMBER(watched, ended, ended)                                                                  \
    MEMBER(loop, ring, tracer.ring)                                                                \
    MEMBER(loop, version, metrics.version)                                                         \
    MEMBER(loop, phase, metrics.phase)                                                             \
    NUMBER(phase_busy)                                                                             \
    NUMBER(phase_asleep)                                                                           \
    MEMBER(loop, since_ns, metrics.since_ns)                                                       \
    MEMBER(loop, asleep_ns, metrics.asleep_ns)                                                     \
    MEMBER(loop, busy_ns, metrics.hold.sum_ns)                                                     \
    MEMBER(loop, polls, metrics.polls)                                                             \
    MEMBER(loop, turns, sched.turns)                                                               \
    MEMBER(loop, jobs_begun, activity.jobs_begun)                                                  \
    MEMBER(loop, stack_bytes, tasks.stacks.mapped_bytes)                                           \
    NUMBER(histogram_buckets)                                                                      \
    MEMBER(loop, hold, metrics.hold.counts[0])                                                     \
    MEMBER(loop, lateness, metrics.lateness.counts[0])                                             \
    MEMBER(loop, futures, tasks.futures)                                                           \
    WHOLE(select)                                                                                  \
    MEMBER(select, cases, cases)                                                                   \
    MEMBER(select, count, count)                                                                   \
    WHOLE(case)                                                                                    \
    MEMBER(case, kind, asyncp_kind)                                                                \
    MEMBER(case, object, asyncp_object)                                                            \
    NUMBER(case_task)                                                                              \
    MEMBER(task, reserved, reserved)                                                               \
    MEMBER(loop, in_callback, callbacks.is_running)                                                \
    MEMBER(task, result, result)                                                                   \
    MEMBER(coroutine, function, function)                                                          \
    WHOLE(function)                                                                                \
    MEMBER(function, name, name)                                                                   \
    MEMBER(task, ended, ended)

#define LAYOUT_WHOLE_(tag)              LAYOUT_##tag,
#define LAYOUT_MEMBER_(tag, name, path) LAYOUT_##tag##_##name,
#define LAYOUT_NUMBER_(name)            LAYOUT_##name,
enum layout_name { LAYOUT_ENTRIES(LAYOUT_WHOLE_, LAYOUT_MEMBER_, LAYOUT_NUMBER_) LAYOUT_LENGTH };
#undef LAYOUT_WHOLE_
#undef LAYOUT_MEMBER_
#undef LAYOUT_NUMBER_

/* A member. Of a whole struct the offset is 0; of a number it is the number. */
struct layout_entry {
    uint16_t offset, size; /* bytes; size 0: the library does not have it */
};

/* The descriptor of the note. */
struct layout {
    uint16_t major, minor;
    uint16_t length; /* of entries */
    uint16_t word;   /* bytes of a pointer */
    struct layout_entry entries[LAYOUT_LENGTH];
};

/* A member of a struct as it was read, as an unsigned integer. */
uint64_t asyncp_layout_get(const struct layout *layout, const void *bytes, enum layout_name name);

/* Reads a member of a struct at an address. 0; an error of the view, and *value is 0. */
int asyncp_layout_read(const struct layout *layout, const struct view *view, uint64_t address,
                       enum layout_name name, uint64_t *value);

#endif
