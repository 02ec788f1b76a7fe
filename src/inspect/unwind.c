/* inspect/unwind.c: from frame to frame, by the rules of cfi.h. */
#include "inspect/unwind.h"
#include "inspect/bytes.h"
#include "inspect/expression.h"
#include "sys/frames.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { INDEX_HEAD = 12, INDEX_ENTRY = 8, MAX_STEPS = 64 };

/* Of one file, and of all together: a process may lie about the sizes. */
enum { MAX_TABLE_BYTES = 1 << 26, MAX_TABLES_BYTES = 1 << 27 };

const struct stack_range asyncp_any_stack = {.start = 0, .size = UINT64_MAX};

/* The words of a stack: those that were read already, and the others from the process. */
struct stack_words {
    struct words_source source;
    const struct view *view;
    const struct piece *stack;
};

static int read_word(const struct words_source *source, uint64_t address, uint64_t *word)
{
    const struct stack_words *words = (const void *)((const char *)source -
                                                     offsetof(struct stack_words, source));
    const size_t size = sizeof(void *);
    const struct piece *stack = words->stack;
    uint64_t offset = address - stack->address;
    *word = 0;
    if (stack->was_read && offset < stack->size && size <= stack->size - offset) {
        memcpy(word, (const char *)stack->bytes + offset, size);
        return 0;
    }
    return asyncp_view_read(words->view, address, word, size);
}

/* ---- the tables ----------------------------------------------------------------------------- */

int asyncp_unwinder_open(struct unwinder *unwinder, const struct view *view,
                         struct code_range *ranges, size_t range_count)
{
    *unwinder = (struct unwinder){.view = view, .ranges = ranges, .range_count = range_count};
    unwinder->cache = calloc(UNWIND_CACHED, sizeof *unwinder->cache);
    return unwinder->cache != NULL ? 0 : -ENOMEM;
}

void asyncp_unwinder_close(struct unwinder *unwinder)
{
    for (size_t i = 0; i < unwinder->range_count; i++) {
        free(unwinder->ranges[i].copy);
        unwinder->ranges[i].copy = NULL;
    }
    free(unwinder->cache);
    unwinder->cache = NULL;
}

static bool read_copy(struct unwinder *unwinder, struct code_range *range)
{
    uint64_t address = range->index != 0 ? range->index : range->table;
    size_t size = range->index != 0 ? range->index_bytes : range->table_bytes;
    if (range->copy != NULL || range->is_unreadable)
        return range->copy != NULL;
    range->is_unreadable = true;
    if (address == 0 || size < INDEX_HEAD || size > MAX_TABLE_BYTES ||
        size > MAX_TABLES_BYTES - unwinder->copied_bytes)
        return false;
    char *copy = malloc(size);
    if (copy != NULL && asyncp_view_read(unwinder->view, address, copy, size) < 0) {
        free(copy);
        copy = NULL;
    }
    range->copy = copy;
    unwinder->copied_bytes += copy != NULL ? size : 0;
    return copy != NULL;
}

static int32_t index_value(const struct code_range *range, size_t offset)
{
    int32_t value;
    memcpy(&value, range->copy + offset, sizeof value);
    return value;
}

/*
 * The address of the FDE of an instruction; 0: unknown. The index is a table of pairs, sorted
 * by the begin of the function, of distances from the index itself.
 */
static uint64_t find_in_index(const struct code_range *range, uint64_t pc)
{
    static const unsigned char expected[] = {1, 0x1b, 0x03, 0x3b}; /* what linkers write */
    if (memcmp(range->copy, expected, sizeof expected) != 0)
        return 0;
    size_t low = 0, high = (uint32_t)index_value(range, 8);
    if (high == 0 || high > (range->index_bytes - INDEX_HEAD) / INDEX_ENTRY)
        return 0;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        int32_t begin = index_value(range, INDEX_HEAD + middle * INDEX_ENTRY);
        if (range->index + (uint64_t)(int64_t)begin <= pc)
            low = middle;
        else
            high = middle;
    }
    return range->index + (uint64_t)(int64_t)index_value(range, INDEX_HEAD + low * INDEX_ENTRY + 4);
}

/* The entry at an offset of the table's copy; false: it is damaged, or the table has ended. */
static bool entry_at(const struct code_range *range, uint64_t offset, struct cfi_bytes *entry)
{
    if (offset >= range->table_bytes || range->table_bytes - offset < 8)
        return false;
    const char *bytes = range->copy + offset;
    int64_t size = asyncp_cfi_entry_size(bytes);
    if (size <= 4 || (uint64_t)size > range->table_bytes - offset)
        return false;
    *entry = (struct cfi_bytes){(const uint8_t *)bytes, (size_t)size, range->table + offset};
    return true;
}

/* A CIE has no distance to a CIE. */
static uint64_t search_table(const struct code_range *range, uint64_t pc)
{
    struct cfi_bytes cie, fde;
    uint64_t address;
    for (uint64_t offset = 0; entry_at(range, offset, &fde); offset += fde.size)
        if (asyncp_cfi_find_cie(&fde, &address) == 0 &&
            entry_at(range, address - range->table, &cie) && cie.size <= CFI_MAX_ENTRY &&
            asyncp_cfi_covers(&cie, &fde, pc))
            return fde.address;
    return 0;
}

static uint64_t find_fde(struct unwinder *unwinder, uint64_t pc)
{
    struct code_range *range = NULL;
    for (size_t i = 0; i < unwinder->range_count && range == NULL; i++)
        if (pc >= unwinder->ranges[i].start && pc < unwinder->ranges[i].end)
            range = &unwinder->ranges[i];
    if (range == NULL || !read_copy(unwinder, range))
        return 0;
    return range->index != 0 ? find_in_index(range, pc) : search_table(range, pc);
}

/* *entry: its bytes. 0 or -errno. */
static int read_entry(const struct unwinder *unwinder, uint64_t address, uint8_t *room,
                      struct cfi_bytes *entry)
{
    int result = asyncp_view_read(unwinder->view, address, room, 4);
    if (result < 0)
        return result;
    int64_t size = asyncp_cfi_entry_size(room);
    if (size <= 4 || size > CFI_MAX_ENTRY)
        return -EPROTO;
    *entry = (struct cfi_bytes){room, (size_t)size, address};
    return asyncp_view_read(unwinder->view, address, room, (size_t)size);
}

static int make_rules(struct unwinder *unwinder, struct unwind_entry *entry)
{
    struct cfi_bytes cie, fde;
    uint64_t address = find_fde(unwinder, entry->pc);
    if (address == 0)
        return -ENOENT;
    int result = read_entry(unwinder, address, entry->fde, &fde);
    if (result == 0)
        result = asyncp_cfi_find_cie(&fde, &address);
    if (result == 0)
        result = read_entry(unwinder, address, entry->cie, &cie);
    return result < 0 ? result : asyncp_cfi_rules(&cie, &fde, entry->pc, &entry->rules);
}

/* The entry of an address, or one that another address may lose. */
static struct unwind_entry *find_entry(struct unwinder *unwinder, uint64_t pc)
{
    const uint64_t mixed = pc * UINT64_C(0x9e3779b97f4a7c15) >> 32;
    struct unwind_entry *set = &unwinder->cache[mixed % (UNWIND_CACHED / UNWIND_SET) * UNWIND_SET];
    for (unsigned i = 0; i < UNWIND_SET; i++)
        if (set[i].pc == pc)
            return &set[i];
    return &set[unwinder->replaced++ % UNWIND_SET];
}

/* NULL: unknown. */
static const struct cfi_rules *find_rules(struct unwinder *unwinder, uint64_t pc)
{
    struct unwind_entry *entry = find_entry(unwinder, pc);
    if (entry->pc != pc) {
        entry->pc = pc;
        entry->is_valid = make_rules(unwinder, entry) == 0;
    }
    return entry->is_valid ? &entry->rules : NULL;
}

/* ---- frames --------------------------------------------------------------------------------- */

static void set_register(struct registers *registers, unsigned number, uint64_t value)
{
    registers->values[number] = value;
    registers->known |= UINT64_C(1) << number;
}

static void forget_register(struct registers *registers, unsigned number)
{
    registers->known &= ~(UINT64_C(1) << number);
}

static int find_frame(const struct cfi_rule *rule, const struct registers *registers,
                      const struct words_source *source, uint64_t *frame)
{
    if (rule->kind == CFI_VALUE_EXPRESSION)
        return asyncp_expression(rule, registers, source, NULL, frame);
    if (rule->kind != CFI_REGISTER || (registers->known >> rule->other & 1) == 0)
        return -EPROTO;
    *frame = registers->values[rule->other] + (uint64_t)rule->offset;
    return 0;
}

/* Sets the value that a register has in the caller, if it can be known. */
static void apply_rule(const struct cfi_rule *rule, unsigned number, uint64_t frame,
                       const struct registers *before, const struct words_source *source,
                       struct registers *after)
{
    uint64_t value = frame + (uint64_t)rule->offset, place;
    bool is_known = true;
    switch (rule->kind) {
    case CFI_SAME:
        return;
    case CFI_UNDEFINED:
        is_known = false;
        break;
    case CFI_REGISTER:
        is_known = rule->other < CFI_REGISTERS && (before->known >> rule->other & 1) != 0;
        value = is_known ? before->values[rule->other] : 0;
        break;
    case CFI_AT_OFFSET:
        is_known = source->read(source, value, &value) == 0;
        break;
    case CFI_VALUE_OFFSET:
        break;
    case CFI_AT_EXPRESSION:
        is_known = asyncp_expression(rule, before, source, &frame, &place) == 0 &&
                   source->read(source, place, &value) == 0;
        break;
    case CFI_VALUE_EXPRESSION:
        is_known = asyncp_expression(rule, before, source, &frame, &value) == 0;
        break;
    }
    if (is_known)
        set_register(after, number, value);
    else
        forget_register(after, number);
}

/*
 * false: the caller is unknown, or this is the first call. Outer frames have higher addresses,
 * except where a signal handler has a stack of its own.
 */
static bool step(const struct cfi_rules *rules, const struct words_source *source,
                 struct registers *registers)
{
    struct registers caller = *registers;
    uint64_t frame;
    if (rules->registers[rules->return_column].kind == CFI_UNDEFINED ||
        find_frame(&rules->frame, registers, source, &frame) < 0)
        return false;
    for (uint64_t left = rules->changed; left != 0; left &= left - 1) {
        unsigned number = (unsigned)__builtin_ctzll(left);
        apply_rule(&rules->registers[number], number, frame, registers, source, &caller);
    }
    if ((caller.known >> rules->return_column & 1) == 0)
        return false;
    caller.pc = return_address((uintptr_t)caller.values[rules->return_column]);
    set_register(&caller, CFI_STACK_POINTER, frame);
    bool is_outer = rules->is_signal_frame || frame > registers->values[CFI_STACK_POINTER];
    bool goes_on = caller.pc != 0 && is_outer;
    *registers = caller;
    return goes_on;
}

/* Adds a frame, if it is one of those that are wanted. Returns the number of frames. */
static size_t add_frame(const struct registers *registers, uint64_t address,
                        const struct stack_range *range, uint64_t frames[MAX_FRAMES], size_t count)
{
    bool is_wanted = registers->values[CFI_STACK_POINTER] - range->start < range->size;
    if (is_wanted)
        frames[count++] = address;
    return count;
}

/*
 * Adds the callers of a frame. A return address is behind its call, which may be the last
 * instruction of the function. Returns the number of frames.
 */
static size_t add_callers(struct unwinder *unwinder, struct registers *registers,
                          const struct piece *stack, const struct stack_range *range,
                          uint64_t frames[MAX_FRAMES], size_t count)
{
    struct stack_words words = {{read_word}, unwinder->view, stack};
    uint64_t sought = registers->pc;
    for (int left = MAX_STEPS; sought != 0 && count < MAX_FRAMES && left > 0; left--) {
        const struct cfi_rules *rules = find_rules(unwinder, sought);
        if (rules == NULL || !step(rules, &words.source, registers))
            break;
        uint64_t behind = registers->pc + rules->is_signal_frame;
        count = add_frame(registers, behind, range, frames, count);
        sought = behind - 1;
    }
    return count;
}

size_t asyncp_unwind(struct unwinder *unwinder, uint64_t sp, const struct piece *stack,
                     uint64_t frames[MAX_FRAMES])
{
    struct registers registers = {.pc = unwinder->resume};
    set_register(&registers, CFI_STACK_POINTER, sp);
    return add_callers(unwinder, &registers, stack, &asyncp_any_stack, frames, 0);
}

size_t asyncp_unwind_frames(struct unwinder *unwinder, uint64_t sp,
                            struct unwind_frame frames[MAX_FRAMES])
{
    const struct piece none = {.was_read = false};
    struct stack_words words = {{read_word}, unwinder->view, &none};
    struct registers registers = {.pc = unwinder->resume};
    set_register(&registers, CFI_STACK_POINTER, sp);
    size_t count = 0;
    for (uint64_t sought = registers.pc; count < MAX_FRAMES; sought = registers.pc - 1) {
        const struct cfi_rules *rules = find_rules(unwinder, sought);
        if (rules == NULL || rules->is_signal_frame ||
            rules->registers[rules->return_column].kind != CFI_AT_OFFSET ||
            !step(rules, &words.source, &registers))
            break;
        const uint64_t end = registers.values[CFI_STACK_POINTER];
        const int64_t offset = rules->registers[rules->return_column].offset;
        frames[count++] = (struct unwind_frame){registers.pc, end + (uint64_t)offset, end};
    }
    return count;
}

size_t asyncp_unwind_from(struct unwinder *unwinder, const struct registers *start,
                          const struct piece *stack, const struct stack_range *range,
                          uint64_t frames[MAX_FRAMES])
{
    struct registers registers = *start;
    size_t count = add_frame(start, start->pc + 1, range, frames, 0);
    return add_callers(unwinder, &registers, stack, range, frames, count);
}
