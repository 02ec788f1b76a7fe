/* cmd/image.c: see image.h. All that is read may be wrong. */
#include "cmd/image.h"
#include "cmd/notes.h"
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>

enum { MAX_SEGMENTS = 128, MAX_NOTES_BYTES = 8192 };

/* What is known of a library while its notes are read. */
struct finding {
    struct library *copy;
    const char *bytes; /* the notes */
    uint64_t address;  /* of them in the process */
    bool has_loops, has_layout;
};

static int take_note(void *argument, const struct elf_note *note)
{
    struct finding *finding = argument;
    int32_t distance;
    if (note->owner_bytes != sizeof LAYOUT_OWNER ||
        memcmp(note->owner, LAYOUT_OWNER, sizeof LAYOUT_OWNER) != 0)
        return 0;
    if (note->type == NOTE_LOOPS && note->size == sizeof distance) {
        memcpy(&distance, note->content, sizeof distance);
        uint64_t address = finding->address + (uint64_t)(note->content - finding->bytes);
        finding->copy->loops = address + (uint64_t)(int64_t)distance;
        finding->has_loops = true;
    }
    if (note->type != NOTE_LAYOUT)
        return 0;
    finding->has_layout = true;
    return asyncp_layout_check(&finding->copy->layout, note->content, note->size);
}

static int read_notes(const struct view *view, uint64_t bias, const ElfW(Phdr) * segment,
                      struct library *copy)
{
    static char bytes[MAX_NOTES_BYTES];
    struct finding finding = {.copy = copy, .bytes = bytes, .address = bias + segment->p_vaddr};
    size_t size = segment->p_memsz < sizeof bytes ? (size_t)segment->p_memsz : sizeof bytes;
    int result = asyncp_view_read(view, finding.address, bytes, size);
    if (result == -EFAULT)
        return 0;
    if (result == 0)
        result = notes_each(bytes, size, take_note, &finding);
    return result < 0 ? result : finding.has_loops && finding.has_layout;
}

/* The distance between the addresses in the file and those in memory. */
static bool find_bias(const ElfW(Phdr) segments[], size_t count, uint64_t start, uint64_t *bias)
{
    for (size_t i = 0; i < count; i++)
        if (segments[i].p_type == PT_LOAD && segments[i].p_offset == 0) {
            *bias = start - segments[i].p_vaddr;
            return true;
        }
    return false;
}

/* A file may have its code in several segments; one table is for all of it. */
static void add_code(struct image *image, const ElfW(Phdr) * segment, uint64_t bias)
{
    if (image->range_count < MAX_RANGES)
        image->ranges[image->range_count++] = (struct code_range){
            .start = bias + segment->p_vaddr, .end = bias + segment->p_vaddr + segment->p_memsz};
}

static void set_index(struct image *image, const ElfW(Phdr) * segment, uint64_t bias)
{
    for (size_t i = 0; i < image->range_count; i++) {
        image->ranges[i].index = bias + segment->p_vaddr;
        image->ranges[i].index_bytes = (size_t)segment->p_memsz;
    }
}

static void take_code(struct image *image, const ElfW(Phdr) segments[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (segments[i].p_type == PT_LOAD && (segments[i].p_flags & PF_X) != 0)
            add_code(image, &segments[i], image->bias);
    for (size_t i = 0; i < count; i++)
        if (segments[i].p_type == PT_GNU_EH_FRAME)
            set_index(image, &segments[i], image->bias);
}

static int look_at_segments(const struct view *view, const ElfW(Ehdr) * header, struct image *image)
{
    static ElfW(Phdr) segments[MAX_SEGMENTS];
    size_t count = header->e_phnum < MAX_SEGMENTS ? header->e_phnum : MAX_SEGMENTS;
    if (header->e_phentsize != sizeof *segments)
        return 0;
    int result = asyncp_view_read(view, image->start + header->e_phoff, segments,
                                  count * sizeof *segments);
    if (result == -EFAULT ||
        (result == 0 && !find_bias(segments, count, image->start, &image->bias)))
        return 0;
    take_code(image, segments, count);
    for (size_t i = 0; i < count && result == 0; i++)
        if (segments[i].p_type == PT_NOTE)
            result = read_notes(view, image->bias, &segments[i], &image->copy);
    return result;
}

int image_look(const struct view *view, struct image *image)
{
    const unsigned char own_class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
    ElfW(Ehdr) header;
    int result = asyncp_view_read(view, image->start, &header, sizeof header);
    if (result == -EFAULT || (result == 0 && memcmp(header.e_ident, ELFMAG, SELFMAG) != 0))
        return 0;
    if (result == 0 && header.e_ident[EI_CLASS] != own_class)
        return -EXDEV;
    return result < 0 ? result : look_at_segments(view, &header, image);
}
