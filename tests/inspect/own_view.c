/* own_view.c: this process as a view of src/inspect. */
#include "inspect/own_view.h"
#include "loop/loops.h"
#include "run/runner.h"
#include "top/layout.h"
#include <limits.h>
#include <link.h>
#include <string.h>
#include <unistd.h>

/* Through a pipe: the kernel, or an emulator, checks the address. */
static bool copy_piece(const int ends[2], const struct piece *piece)
{
    for (size_t done = 0; done < piece->size;) {
        size_t part = piece->size - done < PIPE_BUF ? piece->size - done : PIPE_BUF;
        const char *place = (const char *)(uintptr_t)(piece->address + done);
        if (write(ends[1], place, part) != (ssize_t)part)
            return false;
        CHECK(read(ends[0], (char *)piece->bytes + done, part) == (ssize_t)part);
        done += part;
    }
    return true;
}

static int read_own(const struct view *view, struct piece pieces[], size_t count)
{
    (void)view;
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    for (size_t i = 0; i < count; i++)
        pieces[i].was_read = copy_piece(ends, &pieces[i]);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

const struct view own_view = {.read = read_own};

const struct layout *own_layout(void)
{
    static struct layout layout;
    enum { NOTE_HEAD = 3 * sizeof(uint32_t) + sizeof LAYOUT_OWNER };
    const char *note = (const char *)(const void *)&asyncp_layout;
    CHECK_EQ(asyncp_layout_check(&layout, note + NOTE_HEAD, sizeof layout), 0);
    return &layout;
}

static int add_own_ranges(struct dl_phdr_info *file, size_t size, void *argument)
{
    struct own_code *code = argument;
    size_t first = code->count;
    (void)size;
    for (int i = 0; i < file->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &file->dlpi_phdr[i];
        uint64_t address = file->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) != 0 &&
            code->count < MAX_OWN_RANGES)
            code->ranges[code->count++] = (struct code_range){.start = address,
                                                              .end = address + segment->p_memsz};
    }
    for (int i = 0; i < file->dlpi_phnum; i++)
        for (size_t j = first; j < code->count && file->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME;
             j++) {
            code->ranges[j].index = file->dlpi_addr + file->dlpi_phdr[i].p_vaddr;
            code->ranges[j].index_bytes = file->dlpi_phdr[i].p_memsz;
        }
    return 0;
}

void find_own_code(struct own_code *code)
{
    code->count = 0;
    dl_iterate_phdr(add_own_ranges, code);
}

void take_own_snapshot(struct snapshot *snapshot)
{
    struct own_code code;
    struct unwinder unwinder;
    find_own_code(&code);
    CHECK_EQ(asyncp_unwinder_open(&unwinder, &own_view, code.ranges, code.count), 0);
    CHECK_EQ(asyncp_snapshot_take(snapshot, &own_view, own_layout(), (uintptr_t)&asyncp_loops,
                                  &unwinder),
             0);
    asyncp_unwinder_close(&unwinder);
    CHECK_EQ(snapshot->loop_count, 1);
    CHECK_EQ(snapshot->unreadable, 0);
}

const char *text_of_row(const struct snapshot *snapshot, uint32_t text)
{
    return asyncp_texts_get(&snapshot->texts, text);
}

const struct row *row_named(const struct snapshot *snapshot, const char *name)
{
    for (size_t i = 0; i < snapshot->row_count; i++)
        if (strcmp(text_of_row(snapshot, snapshot->rows[i].name), name) == 0)
            return &snapshot->rows[i];
    test_fail(__FILE__, __LINE__, "no row is named %s", name);
}
