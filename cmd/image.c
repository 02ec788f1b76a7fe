/* cmd/image.c: see image.h. All that is read may be wrong. */
#include "cmd/image.h"
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <string.h>

enum { MAX_SEGMENTS = 128, MAX_NOTES_BYTES = 8192 };

/* What is known of a library while its notes are read. */
struct finding {
    struct library *library;
    uint64_t address; /* of the notes */
    bool has_loops, has_layout;
};

static size_t padded(size_t size)
{
    return (size + 3) & ~(size_t)3;
}

static int take_note(struct finding *finding, uint32_t type, const char *bytes, size_t size,
                     uint64_t address)
{
    int32_t distance;
    if (type == NOTE_LOOPS && size == sizeof distance) {
        memcpy(&distance, bytes, sizeof distance);
        finding->library->loops = address + (uint64_t)(int64_t)distance;
        finding->has_loops = true;
    }
    if (type != NOTE_LAYOUT)
        return 0;
    finding->has_layout = true;
    return asyncp_layout_check(&finding->library->layout, bytes, size);
}

/* Notes stand one behind the other: a header, the owner, the descriptor. */
static int take_notes(struct finding *finding, const char *bytes, size_t size)
{
    int result = 0;
    ElfW(Nhdr) note;
    for (size_t at = 0; size - at >= sizeof note && result == 0;) {
        memcpy(&note, bytes + at, sizeof note);
        size_t owner = at + sizeof note, left = size - owner;
        if (note.n_namesz > left || padded(note.n_namesz) > left ||
            note.n_descsz > left - padded(note.n_namesz))
            break;
        size_t content = owner + padded(note.n_namesz);
        if (note.n_namesz == sizeof LAYOUT_OWNER &&
            memcmp(bytes + owner, LAYOUT_OWNER, sizeof LAYOUT_OWNER) == 0)
            result = take_note(finding, note.n_type, bytes + content, note.n_descsz,
                               finding->address + content);
        at = content + padded(note.n_descsz);
        if (at > size)
            break;
    }
    return result;
}

static int read_notes(const struct view *view, uint64_t bias, const ElfW(Phdr) * segment,
                      struct library *library)
{
    static char bytes[MAX_NOTES_BYTES];
    struct finding finding = {.library = library, .address = bias + segment->p_vaddr};
    size_t size = segment->p_memsz < sizeof bytes ? (size_t)segment->p_memsz : sizeof bytes;
    int result = asyncp_view_read(view, finding.address, bytes, size);
    if (result == -EFAULT)
        return 0;
    if (result == 0)
        result = take_notes(&finding, bytes, size);
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

static int look_at_segments(const struct view *view, uint64_t start, const ElfW(Ehdr) * header,
                            struct library *library)
{
    static ElfW(Phdr) segments[MAX_SEGMENTS];
    uint64_t bias = 0;
    size_t count = header->e_phnum < MAX_SEGMENTS ? header->e_phnum : MAX_SEGMENTS;
    if (header->e_phentsize != sizeof *segments)
        return 0;
    int result = asyncp_view_read(view, start + header->e_phoff, segments,
                                  count * sizeof *segments);
    if (result == -EFAULT || (result == 0 && !find_bias(segments, count, start, &bias)))
        return 0;
    for (size_t i = 0; i < count && result == 0; i++)
        if (segments[i].p_type == PT_NOTE)
            result = read_notes(view, bias, &segments[i], library);
    return result;
}

int image_find(const struct view *view, uint64_t start, struct library *library)
{
    const unsigned char own_class = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;
    ElfW(Ehdr) header;
    int result = asyncp_view_read(view, start, &header, sizeof header);
    if (result == -EFAULT || (result == 0 && memcmp(header.e_ident, ELFMAG, SELFMAG) != 0))
        return 0;
    if (result == 0 && header.e_ident[EI_CLASS] != own_class)
        return -EXDEV;
    return result < 0 ? result : look_at_segments(view, start, &header, library);
}
