/* own_view.c: this process as a view of src/inspect. */
#include "inspect/own_view.h"
#include "loop/loops.h"
#include "run/runner.h"
#include "top/layout.h"
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Through a pipe, for emulators. The kernel checks the address; sanitizers need not know of it. */
static bool copy_by_pipe(const struct piece *piece)
{
    int ends[2];
    size_t done = 0;
    CHECK_EQ(pipe(ends), 0);
    while (done < piece->size) {
        size_t part = piece->size - done < PIPE_BUF ? piece->size - done : PIPE_BUF;
        if (syscall(SYS_write, ends[1], (uintptr_t)piece->address + done, part) != (long)part)
            break;
        CHECK(read(ends[0], (char *)piece->bytes + done, part) == (ssize_t)part);
        done += part;
    }
    close(ends[0]);
    close(ends[1]);
    return done == piece->size;
}

static bool copy_piece(const struct piece *piece)
{
    const struct iovec here = {piece->bytes, piece->size};
    const struct iovec there = {(void *)(uintptr_t)piece->address, piece->size};
    ssize_t bytes = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
    return bytes >= 0 || errno == EFAULT ? bytes == (ssize_t)piece->size : copy_by_pipe(piece);
}

static int read_own(const struct view *view, struct piece pieces[], size_t count)
{
    (void)view;
    for (size_t i = 0; i < count; i++)
        pieces[i].was_read = copy_piece(&pieces[i]);
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
