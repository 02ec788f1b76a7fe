/* inspect/layout.c: checks of the table, which may be of another version, or damaged. */
#include "inspect/bytes.h"
#include "inspect/counters.h"
#include "inspect/snapshot.h"
#include <errno.h>
#include <string.h>

enum { MAX_STRUCT_BYTES = 16384 };

#define WHOLE_(tag)              [LAYOUT_##tag] = LAYOUT_##tag,
#define MEMBER_(tag, name, path) [LAYOUT_##tag##_##name] = LAYOUT_##tag,
#define NUMBER_(name)            [LAYOUT_##name] = LAYOUT_LENGTH,

/* The struct of each entry; LAYOUT_LENGTH: of none. */
static const uint8_t struct_of[LAYOUT_LENGTH] = {LAYOUT_ENTRIES(WHOLE_, MEMBER_, NUMBER_)};
_Static_assert(LAYOUT_LENGTH <= UINT8_MAX, "an entry's number is a byte");

static bool is_integer(size_t size)
{
    return size == 1 || size == 2 || size == 4 || size == 8;
}

/* Whether an entry lies in its struct. */
static bool is_sound(const struct layout *layout, unsigned name)
{
    struct layout_entry entry = layout->entries[name];
    if (struct_of[name] == LAYOUT_LENGTH)
        return entry.offset > 0 && entry.offset <= MAX_STRUCT_BYTES;
    if (struct_of[name] == name)
        return entry.size > 0 && entry.size <= MAX_STRUCT_BYTES;
    return is_integer(entry.size) &&
           (size_t)entry.offset + entry.size <= layout->entries[struct_of[name]].size;
}

static bool fits_histogram(const struct layout *layout, enum layout_name first)
{
    struct layout_entry entry = layout->entries[first];
    size_t buckets = layout->entries[LAYOUT_histogram_buckets].offset;
    return entry.size == sizeof(uint64_t) && buckets <= MAX_BUCKETS &&
           entry.offset + buckets * sizeof(uint64_t) <= layout->entries[LAYOUT_loop].size;
}

int asyncp_layout_check(struct layout *layout, const void *bytes, size_t size)
{
    const size_t head = offsetof(struct layout, entries);
    if (size < head)
        return -EPROTO;
    *layout = (struct layout){.major = 0};
    memcpy(layout, bytes, head);
    if (layout->major != LAYOUT_MAJOR || layout->word != sizeof(void *) ||
        layout->length < LAYOUT_LENGTH)
        return -ENOTSUP;
    if (layout->length > (size - head) / sizeof *layout->entries)
        return -EPROTO;
    memcpy(layout, bytes, sizeof *layout);
    if (layout->entries[LAYOUT_task_borrowed_bit].offset > 31)
        return -EPROTO;
    for (unsigned name = 0; name < LAYOUT_LENGTH; name++)
        if (!is_sound(layout, name))
            return -EPROTO;
    return fits_histogram(layout, LAYOUT_loop_hold) && fits_histogram(layout, LAYOUT_loop_lateness)
               ? 0
               : -EPROTO;
}

uint64_t asyncp_layout_get(const struct layout *layout, const void *bytes, enum layout_name name)
{
    struct layout_entry entry = layout->entries[name];
    const uint8_t *at = (const uint8_t *)bytes + entry.offset;
    struct bytes member = {at, at + entry.size, 0, false};
    return asyncp_bytes_unsigned(&member, entry.size);
}

int asyncp_layout_read(const struct layout *layout, const struct view *view, uint64_t address,
                       enum layout_name name, uint64_t *value)
{
    const struct layout_entry entry = layout->entries[name];
    uint8_t bytes[sizeof(uint64_t)];
    *value = 0;
    if (entry.size > sizeof bytes)
        return -EPROTO;
    int result = asyncp_view_read(view, address + entry.offset, bytes, entry.size);
    if (result == 0)
        *value = asyncp_bytes_unsigned(&(struct bytes){bytes, bytes + entry.size, 0, false},
                                       entry.size);
    return result;
}
