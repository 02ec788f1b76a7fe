/*
 * top/layout.c: the notes by which another process finds the loops and tasks of this one:
 * inspect/layout.h. There are no functions but one here.
 */
#include "top/layout.h"
#include "group/watch.h"
#include "inspect/layout.h"
#include "loop/loops.h"
#include "sched/sched.h"
#include "sync/lock.h"
#include "top/select.h"

/* The structs of the list, by their tags. */
#define TYPE_loops     struct loops
#define TYPE_loop      struct async_loop
#define TYPE_backend   struct poller_calls
#define TYPE_chunk     struct pool_chunk
#define TYPE_task      struct async_task
#define TYPE_coroutine struct coroutine
#define TYPE_wait      struct wait
#define TYPE_lock      struct lock
#define TYPE_join      struct join
#define TYPE_watch     struct watch
#define TYPE_watched   struct watched_task
#define TYPE_select    struct select
#define TYPE_case      async_case
#define TYPE_function  struct asyncp_function

enum {
    NUMBER_attention_sleeping = ATTENTION_SLEEPING,
    NUMBER_chunk_records = POOL_CHUNK_RECORDS,
    NUMBER_task_borrowed_bit = 31,
    NUMBER_phase_busy = PHASE_BUSY,
    NUMBER_phase_asleep = PHASE_ASLEEP,
    NUMBER_histogram_buckets = ASYNC_HISTOGRAM_BUCKETS,
    NUMBER_case_task = ASYNCP_ON_TASK
};

_Static_assert(TASK_BORROWED == (uint32_t)1 << NUMBER_task_borrowed_bit,
               "the bit is that of task.h");
_Static_assert(offsetof(struct join, wait) == 0, "a join is found by its wait");
_Static_assert(offsetof(struct select, wait) == 0, "a select is found by its wait");

_Static_assert(sizeof(struct pool_chunk) == offsetof(struct pool_chunk, records),
               "the records of a chunk follow its struct");

#define SIZE_OF(tag, path)      sizeof(((TYPE_##tag *)NULL)->path)
#define WHOLE(tag)              {0, sizeof(TYPE_##tag)},
#define MEMBER(tag, name, path) {offsetof(TYPE_##tag, path), SIZE_OF(tag, path)},
#define NUMBER(name)            {NUMBER_##name, sizeof(uint16_t)},

/* As <elf.h> describes a note. */
struct layout_note {
    uint32_t owner_size, size, type;
    char owner[sizeof LAYOUT_OWNER];
    struct layout layout;
};

/* The linker makes a note of what is in a section of such a name. */
#define NOTES ".note.asyncio"

/* AddressSanitizer of clang would put bytes behind the note. */
#if ASYNC_ASAN && defined(__clang__)
__attribute__((no_sanitize("address")))
#endif
__attribute__((used, aligned(4), section(NOTES))) const struct layout_note asyncp_layout = {
    .owner_size = sizeof LAYOUT_OWNER,
    .size = sizeof(struct layout),
    .type = NOTE_LAYOUT,
    .owner = LAYOUT_OWNER,
    .layout = {.major = LAYOUT_MAJOR,
               .minor = LAYOUT_MINOR,
               .length = LAYOUT_LENGTH,
               .word = sizeof(void *),
               .entries = {LAYOUT_ENTRIES(WHOLE, MEMBER, NUMBER)}}};

const struct layout *asyncp_own_layout(void)
{
    return &asyncp_layout.layout;
}

/* A distance needs no relocation when the program is loaded. C has no constant for it. */
__asm__(".pushsection " NOTES ", \"a\", %note\n"
        "    .balign 4\n"
        "    .long 8, 4, 1\n"
        "    .asciz \"" LAYOUT_OWNER "\"\n"
        "    .long asyncp_loops - .\n"
        ".popsection");
_Static_assert(sizeof LAYOUT_OWNER == 8 && NOTE_LOOPS == 1, "as in the assembly above");
