/*
 * inspect/chunk.c: reads the records of a chunk together with the stacks of their tasks. A task
 * that may have changed meanwhile is read again, until two looks agree. Of a stack the page with
 * its control block is read: the wait of most tasks is there, too.
 */
#include "inspect/array.h"
#include "inspect/kept.h"
#include "inspect/reading.h"
#include <errno.h>
#include <stdlib.h>

enum { MAX_LOOKS = 5, MAX_STACK_LOG = 40 };

/* Of a record in its chunk. */
static size_t record_offset(const struct reading *reading, size_t index)
{
    return size_of(reading, LAYOUT_chunk) + index * size_of(reading, LAYOUT_task);
}

const char *asyncp_read_whole(const struct reading *reading, uint64_t address,
                              enum layout_name whole)
{
    size_t size = size_of(reading, whole);
    int result = asyncp_view_read(reading->view, address, reading->scratch, size);
    return result == 0 ? reading->scratch : NULL;
}

/* ---- one look ------------------------------------------------------------------------------- */

/* The bytes at an address, if they are in the piece. */
static const char *find_in(const struct piece *piece, uint64_t address, size_t size)
{
    uint64_t offset = address - piece->address;
    bool is_in = piece->was_read && offset < piece->size && size <= piece->size - offset;
    return is_in ? (const char *)piece->bytes + offset : NULL;
}

/* Whether the wait was read and is that of the task. */
static bool look_at_wait(const struct reading *reading, const struct piece *stack,
                         struct look *look)
{
    const char *wait = find_in(stack, look->wait, size_of(reading, LAYOUT_wait));
    if (wait == NULL)
        wait = asyncp_read_whole(reading, look->wait, LAYOUT_wait);
    if (wait == NULL)
        return false;
    look->waiting = get_member(reading, wait, LAYOUT_wait_coroutine);
    look->since_ns = get_member(reading, wait, LAYOUT_wait_since_ns);
    look->call = get_member(reading, wait, LAYOUT_wait_call);
    look->object = get_member(reading, wait, LAYOUT_wait_object);
    look->claimed = get_member(reading, wait, LAYOUT_wait_claimed) != 0;
    look->cancellable = get_member(reading, wait, LAYOUT_wait_cancel) != 0;
    return look->waiting == look->coroutine;
}

/* Whether the handle is held by a group; only then the task's member of that name is defined. */
static bool is_borrowed(const struct reading *reading, const char *record)
{
    unsigned bit = reading->layout->entries[LAYOUT_task_borrowed_bit].offset;
    return (get_member(reading, record, LAYOUT_task_references) >> bit & 1) != 0;
}

static struct look look_at(const struct reading *reading, const char *record, uint64_t address,
                           const struct piece *stack)
{
    struct look look = {.id = get_member(reading, record, LAYOUT_task_id),
                        .name = get_member(reading, record, LAYOUT_task_name),
                        .where = get_member(reading, record, LAYOUT_task_where),
                        .coroutine = get_member(reading, record, LAYOUT_task_coroutine)};
    const char *block = find_in(stack, look.coroutine, size_of(reading, LAYOUT_coroutine));
    if (block == NULL)
        return look;
    look.task = get_member(reading, block, LAYOUT_coroutine_task);
    look.has_stack = look.task != 0; /* gcore writes zeros where it could not read */
    look.wait = get_member(reading, block, LAYOUT_coroutine_wait);
    look.sp = get_member(reading, block, LAYOUT_coroutine_sp);
    look.throttled = get_member(reading, block, LAYOUT_coroutine_throttled) != 0;
    look.requests = get_member(reading, block, LAYOUT_coroutine_requests);
    look.stack_log = get_member(reading, block, LAYOUT_coroutine_stack_log);
    if (is_borrowed(reading, record))
        look.group = get_member(reading, block, LAYOUT_coroutine_group);
    look.is_whole = look.task == address && (look.wait == 0 || look_at_wait(reading, stack, &look));
    return look;
}

static bool agree(const struct look *one, const struct look *other)
{
    return one->is_whole && other->is_whole && one->id == other->id &&
           one->coroutine == other->coroutine && one->wait == other->wait && one->sp == other->sp &&
           one->since_ns == other->since_ns && one->call == other->call &&
           one->claimed == other->claimed;
}

/*
 * Whether the task did not change during the look: its wait began before the loop's clock was read,
 * and a later one has a later time. While a later wait is set up at the same address it has the old
 * time for some instructions.
 */
static bool has_waited(const struct reading *reading, const struct look *look)
{
    return look->is_whole && look->wait != 0 && !look->claimed &&
           (int64_t)look->since_ns < reading->loop->now_ns;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static bool is_full(const struct snapshot *snapshot)
{
    return snapshot->row_count + snapshot->kept.count + snapshot->texts.entries.count >= MAX_ROWS;
}

static struct row *add_row(struct snapshot *snapshot)
{
    struct row *rows = asyncp_array_grow(snapshot->rows, &snapshot->row_capacity,
                                         snapshot->row_count + 1, sizeof *rows);
    if (rows == NULL)
        return NULL;
    snapshot->rows = rows;
    struct row *row = &snapshot->rows[snapshot->row_count++];
    *row = (struct row){.id = 0};
    return row;
}

static enum row_state state_of(const struct reading *reading, const struct place *place)
{
    const struct look *look = &place->look;
    if (look->coroutine == reading->loop->current)
        return ROW_RUNS;
    if (place->is_open)
        return look->has_stack ? ROW_MOVED : ROW_UNREADABLE;
    if (look->throttled)
        return ROW_HELD_BACK;
    return look->wait == 0 || look->claimed ? ROW_READY : ROW_WAITS;
}

/* A context that has not begun has an odd stack pointer. */
static void describe_stack(struct row *row, const struct look *look)
{
    if (!look->is_whole || look->stack_log > MAX_STACK_LOG)
        return;
    row->stack_size = UINT64_C(1) << look->stack_log;
    uint64_t used = look->coroutine - (look->sp & ~(uint64_t)1);
    row->stack_used = used <= row->stack_size ? used : 0;
}

static int describe(struct reading *reading, const struct place *place)
{
    struct snapshot *snapshot = reading->snapshot;
    const struct look *look = &place->look;
    if (is_full(snapshot))
        return -E2BIG;
    struct row *row = add_row(snapshot);
    if (row == NULL)
        return -ENOMEM;
    row->id = look->id;
    row->address = reading->pieces[0].address + record_offset(reading, place->index);
    row->coroutine = look->coroutine;
    row->loop = (uint32_t)(reading->loop - snapshot->loops);
    row->state = state_of(reading, place);
    row->group = look->group;
    row->requests = (uint32_t)look->requests;
    row->trace = place->trace;
    describe_stack(row, look);
    bool waits = row->state == ROW_WAITS;
    if (waits) {
        row->wait = look->wait;
        row->object = look->object;
        row->since_ns = (int64_t)look->since_ns;
        row->cannot_cancel = !look->cancellable;
    }
    int result = asyncp_texts_add(&snapshot->texts, waits ? look->call : 0, &row->call);
    if (result == 0)
        result = asyncp_texts_add(&snapshot->texts, look->name, &row->name);
    if (result == 0)
        result = asyncp_texts_add(&snapshot->texts, look->where, &row->where);
    return result;
}

/* ---- the tasks of a chunk ------------------------------------------------------------------- */

/* The records that have a task of this loop. false: none of them has ended and is kept. */
static bool choose_places(struct reading *reading)
{
    bool any_kept = false;
    reading->place_count = 0;
    for (size_t i = 0; i < reading->records; i++) {
        const char *record = reading->chunk + record_offset(reading, i);
        reading->kept[i] = asyncp_kept_id(reading->layout, record, reading->loop->address);
        any_kept |= reading->kept[i] != 0;
        uint64_t coroutine = get_member(reading, record, LAYOUT_task_coroutine);
        if (coroutine != 0 && coroutine != reading->future &&
            get_member(reading, record, LAYOUT_task_loop) == reading->loop->address)
            reading->places[reading->place_count++] = (struct place){
                .index = i, .coroutine = coroutine, .is_open = true};
    }
    return any_kept;
}

/* Reads the chunk and the stacks of all open places in one call. */
static int read_places(struct reading *reading, uint64_t chunk)
{
    size_t count = 0;
    reading->pieces[count++] = (struct piece){
        .address = chunk, .bytes = reading->chunk, .size = reading->chunk_bytes};
    for (size_t i = 0; i < reading->place_count; i++) {
        struct place *place = &reading->places[i];
        uint64_t block = place->coroutine, page = block & ~(uint64_t)(PAGE - 1);
        size_t size = (size_t)(block - page) + size_of(reading, LAYOUT_coroutine);
        if (!place->is_open)
            continue;
        place->piece = count;
        reading->pieces[count++] = (struct piece){
            .address = page, .bytes = reading->stacks + i * reading->stack_bytes, .size = size};
    }
    int result = reading->view->read(reading->view, reading->pieces, count);
    return result < 0 ? result : reading->pieces[0].was_read ? 0 : -EFAULT;
}

/* A running task's stack changes, and a context that has not begun has an odd stack pointer. */
static int trace_calls(struct reading *reading, struct place *place, const struct piece *stack)
{
    struct trace trace = {.frames = {0}};
    const struct look *look = &place->look;
    bool is_suspended = look->is_whole && look->coroutine != reading->loop->current &&
                        look->sp % sizeof(void *) == 0;
    if (reading->unwinder != NULL && is_suspended && !place->is_open)
        asyncp_unwind(reading->unwinder, look->sp, stack, trace.frames);
    return asyncp_table_add(&reading->snapshot->traces, &trace, &place->trace);
}

/* The task may be another one by now: then its stack is read next. */
static int look_again(struct reading *reading, struct place *place)
{
    size_t offset = record_offset(reading, place->index);
    const struct piece *stack = &reading->pieces[place->piece];
    struct look look = look_at(reading, reading->chunk + offset,
                               reading->pieces[0].address + offset, stack);
    place->is_open = look.coroutine != 0 && !has_waited(reading, &look) &&
                     !agree(&look, &place->look);
    place->look = look;
    place->coroutine = look.coroutine;
    return trace_calls(reading, place, stack);
}

static int look_at_places(struct reading *reading, uint64_t chunk)
{
    bool any_open = reading->place_count > 0;
    for (int looks = 0; looks < MAX_LOOKS && any_open; looks++) {
        int result = read_places(reading, chunk);
        if (result < 0)
            return result;
        any_open = false;
        for (size_t i = 0; i < reading->place_count && result == 0; i++) {
            if (reading->places[i].is_open)
                result = look_again(reading, &reading->places[i]);
            any_open |= reading->places[i].is_open;
        }
        if (result < 0)
            return result;
    }
    return 0;
}

/* Counts the records of tasks that have ended and are kept, if a second look agrees. */
static int count_kept(struct reading *reading, uint64_t chunk)
{
    struct snapshot *snapshot = reading->snapshot;
    reading->place_count = 0;
    int result = read_places(reading, chunk);
    for (size_t i = 0; i < reading->records && result == 0; i++) {
        const char *record = reading->chunk + record_offset(reading, i);
        uint64_t id = asyncp_kept_id(reading->layout, record, reading->loop->address);
        if (id != 0 && id == reading->kept[i] && is_full(snapshot))
            result = -E2BIG;
        else if (id != 0 && id == reading->kept[i])
            result = asyncp_kept_add(&snapshot->kept, &snapshot->texts, reading->layout, record,
                                     snapshot->loop_count - 1);
    }
    return result;
}

int asyncp_chunk_read(struct reading *reading, uint64_t chunk, uint64_t *next)
{
    reading->place_count = 0;
    int result = read_places(reading, chunk);
    if (result < 0)
        return result;
    *next = get_member(reading, reading->chunk, LAYOUT_chunk_next);
    bool any_kept = choose_places(reading);
    result = look_at_places(reading, chunk);
    for (size_t i = 0; i < reading->place_count && result == 0; i++)
        if (reading->places[i].look.coroutine != 0)
            result = describe(reading, &reading->places[i]);
    return result == 0 && any_kept ? count_kept(reading, chunk) : result;
}
