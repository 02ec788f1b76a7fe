/*
 * inspect/snapshot.c: see snapshot.h. The records of a chunk are read together with the stacks of
 * their tasks, and those that may have changed meanwhile again, until two looks agree. Of a stack
 * the page with its control block is read: the wait of most tasks is there, too.
 */
#include "inspect/edges.h"
#include "inspect/kept.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LOOPS = 4096, MAX_RECORDS = 256, MAX_LOOKS = 5 };
enum { PAGE = 4096, MAX_STACK_LOG = 40 };

/* One look at a task. */
struct look {
    uint64_t id, name, where, coroutine;      /* of the record; coroutine 0: it has ended */
    uint64_t task, wait, sp;                  /* of the control block */
    uint64_t waiting, since_ns, call, object; /* of the wait */
    uint64_t requests, stack_log, group;
    bool throttled, claimed, cancellable;
    bool has_stack; /* the control block was read */
    bool is_whole;  /* all was read, and belongs together */
};

/* A record of the current chunk, whose task is looked at. */
struct place {
    size_t index;
    uint64_t coroutine; /* whose stack is read next */
    struct look look;   /* the last one */
    bool is_open;       /* what was seen of it may belong to different moments */
    size_t piece;       /* of the reading, with its stack */
    uint32_t trace;
};

struct reading {
    struct snapshot *snapshot;
    const struct view *view;
    const struct layout *layout;
    struct unwinder *unwinder; /* NULL: none */
    bool loops_only;
    struct loop_row *loop; /* the current one */
    uint64_t future;       /* the coroutine of all futures */
    size_t records, chunk_bytes, stack_bytes;
    char *chunk, *stacks, *scratch; /* scratch: for any struct */
    size_t place_count;
    struct place places[MAX_RECORDS];
    struct piece pieces[MAX_RECORDS + 1]; /* of the chunk, and of a stack for each open place */
    uint64_t kept[MAX_RECORDS]; /* of each record of the chunk: the id of asyncp_kept_id */
};

/* ---- members -------------------------------------------------------------------------------- */

static size_t size_of(const struct reading *reading, enum layout_name whole)
{
    return reading->layout->entries[whole].size;
}

/* Of a record in its chunk. */
static size_t record_offset(const struct reading *reading, size_t index)
{
    return size_of(reading, LAYOUT_chunk) + index * size_of(reading, LAYOUT_task);
}

static uint64_t get(const struct reading *reading, const char *bytes, enum layout_name name)
{
    return asyncp_layout_get(reading->layout, bytes, name);
}

/* The bytes of a struct, until the next call; NULL: it cannot be read. */
static const char *read_whole(const struct reading *reading, uint64_t address,
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
        wait = read_whole(reading, look->wait, LAYOUT_wait);
    if (wait == NULL)
        return false;
    look->waiting = get(reading, wait, LAYOUT_wait_coroutine);
    look->since_ns = get(reading, wait, LAYOUT_wait_since_ns);
    look->call = get(reading, wait, LAYOUT_wait_call);
    look->object = get(reading, wait, LAYOUT_wait_object);
    look->claimed = get(reading, wait, LAYOUT_wait_claimed) != 0;
    look->cancellable = get(reading, wait, LAYOUT_wait_cancel) != 0;
    return look->waiting == look->coroutine;
}

/* Whether the handle is held by a group; only then the task's member of that name is defined. */
static bool is_borrowed(const struct reading *reading, const char *record)
{
    unsigned bit = reading->layout->entries[LAYOUT_task_borrowed_bit].offset;
    return (get(reading, record, LAYOUT_task_references) >> bit & 1) != 0;
}

static struct look look_at(const struct reading *reading, const char *record, uint64_t address,
                           const struct piece *stack)
{
    struct look look = {.id = get(reading, record, LAYOUT_task_id),
                        .name = get(reading, record, LAYOUT_task_name),
                        .where = get(reading, record, LAYOUT_task_where),
                        .coroutine = get(reading, record, LAYOUT_task_coroutine)};
    const char *block = find_in(stack, look.coroutine, size_of(reading, LAYOUT_coroutine));
    if (block == NULL)
        return look;
    look.has_stack = true;
    look.task = get(reading, block, LAYOUT_coroutine_task);
    look.wait = get(reading, block, LAYOUT_coroutine_wait);
    look.sp = get(reading, block, LAYOUT_coroutine_sp);
    look.throttled = get(reading, block, LAYOUT_coroutine_throttled) != 0;
    look.requests = get(reading, block, LAYOUT_coroutine_requests);
    look.stack_log = get(reading, block, LAYOUT_coroutine_stack_log);
    if (is_borrowed(reading, record))
        look.group = get(reading, block, LAYOUT_coroutine_group);
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
 * Whether the task did not change during the look. It waits in a wait that began before the loop's
 * clock was read, and a later one has a later time; and it still does after its frames were read.
 */
static bool has_waited(const struct reading *reading, const struct look *look)
{
    return look->is_whole && look->wait != 0 && !look->claimed &&
           (int64_t)look->since_ns < reading->loop->now_ns;
}

/* ---- rows ----------------------------------------------------------------------------------- */

static struct row *add_row(struct snapshot *snapshot)
{
    if (snapshot->row_count == snapshot->row_capacity) {
        size_t capacity = snapshot->row_capacity > 0 ? 2 * snapshot->row_capacity : 256;
        struct row *rows = realloc(snapshot->rows, capacity * sizeof *rows);
        if (rows == NULL)
            return NULL;
        snapshot->rows = rows;
        snapshot->row_capacity = capacity;
    }
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
        uint64_t coroutine = get(reading, record, LAYOUT_task_coroutine);
        if (coroutine != 0 && coroutine != reading->future &&
            get(reading, record, LAYOUT_task_loop) == reading->loop->address)
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
        if (id != 0 && id == reading->kept[i])
            result = asyncp_kept_add(&snapshot->kept, &snapshot->texts, reading->layout, record,
                                     snapshot->loop_count - 1);
    }
    return result;
}

/* *next is the chunk behind it. -EFAULT: it cannot be read. */
static int read_chunk(struct reading *reading, uint64_t chunk, uint64_t *next)
{
    reading->place_count = 0;
    int result = read_places(reading, chunk);
    if (result < 0)
        return result;
    *next = get(reading, reading->chunk, LAYOUT_chunk_next);
    bool any_kept = choose_places(reading);
    result = look_at_places(reading, chunk);
    for (size_t i = 0; i < reading->place_count && result == 0; i++)
        if (reading->places[i].look.coroutine != 0)
            result = describe(reading, &reading->places[i]);
    return result == 0 && any_kept ? count_kept(reading, chunk) : result;
}

/* ---- loops ---------------------------------------------------------------------------------- */

static int compare_rows(const void *one, const void *other)
{
    const struct row *a = one, *b = other;
    return (a->id > b->id) - (a->id < b->id);
}

/*
 * A chunk is added for as many new tasks at least, so the list cannot be longer. It is not trusted:
 * a circle comes back to a chunk that was remembered at some power of two.
 */
static int read_tasks(struct reading *reading, uint64_t chunk)
{
    struct snapshot *snapshot = reading->snapshot;
    struct loop_row *loop = reading->loop;
    uint64_t most = loop->created / reading->records + 1, remembered = 0, count = 0;
    int result = 0;
    loop->first_row = snapshot->row_count;
    for (; chunk != 0 && chunk != remembered && count < most && result == 0; count++) {
        if ((count & (count - 1)) == 0)
            remembered = chunk;
        result = read_chunk(reading, chunk, &chunk);
    }
    if (result == -EFAULT || (result == 0 && chunk != 0)) {
        snapshot->unreadable++;
        result = 0;
    }
    loop->row_count = snapshot->row_count - loop->first_row;
    if (loop->row_count > 0)
        qsort(snapshot->rows + loop->first_row, loop->row_count, sizeof *snapshot->rows,
              compare_rows);
    return result;
}

/* The name of the backend: a member of the struct that the loop points to. */
static int read_backend(struct reading *reading, uint64_t backend, uint32_t *text)
{
    const char *bytes = read_whole(reading, backend, LAYOUT_backend);
    uint64_t name = bytes != NULL ? get(reading, bytes, LAYOUT_backend_name) : 0;
    return asyncp_texts_add(&reading->snapshot->texts, name, text);
}

static struct loop_row *add_loop(struct snapshot *snapshot)
{
    struct loop_row *loops = realloc(snapshot->loops, (snapshot->loop_count + 1) * sizeof *loops);
    if (loops == NULL)
        return NULL;
    snapshot->loops = loops;
    return &loops[snapshot->loop_count++];
}

/* Whether the loop sleeps: two readings agree, between which it would have read its clock. */
static bool is_asleep(const struct reading *reading, uint64_t loop, int64_t now_ns)
{
    const uint64_t asleep = reading->layout->entries[LAYOUT_attention_sleeping].offset;
    const char *bytes = read_whole(reading, loop, LAYOUT_loop);
    return bytes != NULL && (get(reading, bytes, LAYOUT_loop_attention) & asleep) != 0 &&
           (int64_t)get(reading, bytes, LAYOUT_loop_now_ns) == now_ns;
}

/* *loop: the next one. */
static int read_loop(struct reading *reading, uint64_t *loop)
{
    const char *bytes = read_whole(reading, *loop, LAYOUT_loop);
    if (bytes == NULL)
        return -EFAULT;
    struct loop_row *row = reading->loop = add_loop(reading->snapshot);
    if (row == NULL)
        return -ENOMEM;
    *row = (struct loop_row){.address = *loop,
                             .now_ns = (int64_t)get(reading, bytes, LAYOUT_loop_now_ns),
                             .created = get(reading, bytes, LAYOUT_loop_created),
                             .ended = get(reading, bytes, LAYOUT_loop_ended),
                             .in_flight = get(reading, bytes, LAYOUT_loop_in_flight),
                             .jobs = get(reading, bytes, LAYOUT_loop_jobs),
                             .timers = get(reading, bytes, LAYOUT_loop_timers),
                             .current = get(reading, bytes, LAYOUT_loop_current),
                             .number = (uint32_t)get(reading, bytes, LAYOUT_loop_number),
                             .process = (uint32_t)get(reading, bytes, LAYOUT_loop_process),
                             .thread = (uint32_t)get(reading, bytes, LAYOUT_loop_thread),
                             .is_virtual = get(reading, bytes, LAYOUT_loop_is_virtual) != 0};
    uint64_t chunks = get(reading, bytes, LAYOUT_loop_chunks);
    uint64_t backend = get(reading, bytes, LAYOUT_loop_backend);
    *loop = get(reading, bytes, LAYOUT_loop_next);
    row->is_asleep = is_asleep(reading, row->address, row->now_ns);
    int result = read_backend(reading, backend, &row->backend);
    return result < 0 || reading->loops_only ? result : read_tasks(reading, chunks);
}

/* Without it nothing is unwound. */
static void find_resume(const struct reading *reading, uint64_t address)
{
    uint64_t resume = 0;
    if (reading->unwinder != NULL &&
        asyncp_view_read(reading->view, address, &resume, sizeof(void *)) == 0)
        reading->unwinder->resume = resume;
}

static int read_loops(struct reading *reading, uint64_t loops)
{
    const char *bytes = read_whole(reading, loops, LAYOUT_loops);
    if (bytes == NULL || get(reading, bytes, LAYOUT_loops_magic) != LAYOUT_MAGIC)
        return -EPROTO;
    uint64_t loop = get(reading, bytes, LAYOUT_loops_first);
    reading->future = get(reading, bytes, LAYOUT_loops_future);
    find_resume(reading, get(reading, bytes, LAYOUT_loops_resume));
    int result = 0;
    uint64_t remembered = 0;
    for (unsigned i = 0; loop != 0 && loop != remembered && i < MAX_LOOPS && result == 0; i++) {
        if ((i & (i - 1)) == 0)
            remembered = loop;
        result = read_loop(reading, &loop);
    }
    if (result == -EFAULT || (result == 0 && loop != 0)) {
        reading->snapshot->unreadable++;
        result = 0;
    }
    return result;
}

/* ---- the whole ------------------------------------------------------------------------------ */

static int open_reading(struct reading *reading)
{
    size_t whole = 0;
    for (unsigned name = 0; name < LAYOUT_LENGTH; name++)
        if (reading->layout->entries[name].size > whole)
            whole = reading->layout->entries[name].size;
    reading->records = reading->layout->entries[LAYOUT_chunk_records].offset;
    if (reading->records > MAX_RECORDS)
        return -EPROTO;
    reading->chunk_bytes = size_of(reading, LAYOUT_chunk) +
                           reading->records * size_of(reading, LAYOUT_task);
    reading->stack_bytes = PAGE + size_of(reading, LAYOUT_coroutine);
    reading->scratch = malloc(whole);
    reading->chunk = malloc(reading->chunk_bytes);
    reading->stacks = malloc(reading->records * reading->stack_bytes);
    return reading->scratch != NULL && reading->chunk != NULL && reading->stacks != NULL ? 0
                                                                                         : -ENOMEM;
}

static void close_reading(struct reading *reading)
{
    free(reading->stacks);
    free(reading->chunk);
    free(reading->scratch);
    free(reading);
}

/* A reading is too large for the stack of a task. */
static struct reading *new_reading(struct snapshot *snapshot, const struct view *view,
                                   const struct layout *layout)
{
    struct reading *reading = calloc(1, sizeof *reading);
    if (reading == NULL)
        return NULL;
    reading->snapshot = snapshot;
    reading->view = view;
    reading->layout = layout;
    return reading;
}

/* Frees the reading, which may be NULL. */
static int take_snapshot(struct snapshot *snapshot, struct reading *reading, uint64_t loops)
{
    *snapshot = (struct snapshot){
        .traces = {.record_bytes = sizeof(struct trace), .key_bytes = sizeof(struct trace)}};
    asyncp_texts_open(&snapshot->texts);
    asyncp_kept_open(&snapshot->kept);
    if (reading == NULL)
        return -ENOMEM;
    int result = open_reading(reading);
    if (result == 0)
        result = read_loops(reading, loops);
    if (result == 0)
        result = asyncp_texts_read(&snapshot->texts, reading->view);
    if (result == 0)
        result = asyncp_edges_find(snapshot, reading->view, reading->layout);
    close_reading(reading);
    if (result < 0)
        asyncp_snapshot_free(snapshot);
    return result;
}

int asyncp_snapshot_take(struct snapshot *snapshot, const struct view *view,
                         const struct layout *layout, uint64_t loops, struct unwinder *unwinder)
{
    struct reading *reading = new_reading(snapshot, view, layout);
    if (reading != NULL)
        reading->unwinder = unwinder;
    return take_snapshot(snapshot, reading, loops);
}

int asyncp_snapshot_take_loops(struct snapshot *snapshot, const struct view *view,
                               const struct layout *layout, uint64_t loops)
{
    struct reading *reading = new_reading(snapshot, view, layout);
    if (reading != NULL)
        reading->loops_only = true;
    return take_snapshot(snapshot, reading, loops);
}

const struct trace *asyncp_snapshot_trace(const struct snapshot *snapshot, const struct row *row)
{
    return asyncp_table_at(&snapshot->traces, row->trace);
}

void asyncp_snapshot_free(struct snapshot *snapshot)
{
    asyncp_texts_free(&snapshot->texts);
    asyncp_table_free(&snapshot->traces);
    asyncp_table_free(&snapshot->kept);
    free(snapshot->rows);
    free(snapshot->loops);
    *snapshot = (struct snapshot){.loop_count = 0};
}
