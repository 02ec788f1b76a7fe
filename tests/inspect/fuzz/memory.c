/*
 * fuzz/memory.c: the reader of processes on memory that is the input. The first byte says which
 * part of the reader:
 *
 *     0    loops, tasks, stacks and edges; 4 bytes replace an entry of the table of offsets
 *     1    line tables
 *     2    sections and symbols of an ELF file
 *
 * Memory wraps around: an address is an offset in the input, unless its bit 20 is set; then it
 * cannot be read.
 */
#include "inspect/cycles.h"
#include "inspect/known.h"
#include "inspect/running.h"
#include "inspect/source.h"
#include "inspect/unwind.h"
#include "sys/symbol.h"
#include "top/layout.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *memory;
static size_t memory_size;

static int read_memory(const struct view *view, struct piece pieces[], size_t count)
{
    (void)view;
    for (size_t i = 0; i < count; i++) {
        pieces[i].was_read = (pieces[i].address >> 20 & 1) == 0;
        uint8_t *bytes = pieces[i].bytes;
        for (size_t j = 0; j < pieces[i].size && pieces[i].was_read; j++)
            bytes[j] = memory[(pieces[i].address + j) % memory_size];
    }
    return 0;
}

static const struct view view = {.read = read_memory};

static void look_for_objects(const struct snapshot *snapshot, const struct graph *graph)
{
    struct known known;
    if (asyncp_known_find(&known, snapshot, graph, &view) == 0)
        for (size_t i = 0; i < snapshot->row_count; i++)
            asyncp_known_of(&known, &snapshot->rows[i]);
    asyncp_known_free(&known);
}

/* All registers of a thread are the words at the address that is its number. */
static bool read_registers(const struct thread_source *source, uint32_t thread,
                           struct registers *registers)
{
    (void)source;
    registers->known = (UINT64_C(1) << CFI_REGISTERS) - 1;
    return asyncp_view_read(&view, thread, registers->values, sizeof registers->values) == 0 &&
           asyncp_view_read(&view, thread + 8, &registers->pc, sizeof registers->pc) == 0;
}

static void look(const struct layout *layout)
{
    const struct thread_source threads = {read_registers};
    static struct cycles cycles;
    struct snapshot snapshot;
    struct unwinder unwinder;
    struct graph graph;
    struct code_range ranges[] = {
        {.start = 0, .end = 1 << 16, .index = 64, .index_bytes = 512},
        {.start = 1 << 16, .end = 1 << 17, .table = 64, .table_bytes = 512}};
    if (asyncp_unwinder_open(&unwinder, &view, ranges, 2) < 0)
        abort();
    if (asyncp_snapshot_take(&snapshot, &view, layout, 0, &unwinder) == 0) {
        asyncp_running_find(&snapshot, &unwinder, &threads);
        if (asyncp_graph_open(&graph, &snapshot, &view, layout) == 0) {
            asyncp_cycles_find(&cycles, &graph, snapshot.row_count);
            asyncp_cycles_confirm(&cycles, &snapshot, &snapshot);
            asyncp_cycles_free(&cycles);
            look_for_objects(&snapshot, &graph);
        }
        asyncp_graph_close(&graph);
        asyncp_snapshot_free(&snapshot);
    }
    asyncp_unwinder_close(&unwinder);
}

static void look_at_process(const uint8_t *data, size_t size)
{
    struct layout given = *asyncp_own_layout(), layout;
    if (size < 8)
        return;
    memcpy(&given.entries[data[0] % LAYOUT_LENGTH], data + 1, sizeof *given.entries);
    memory = data;
    memory_size = size;
    if (asyncp_layout_check(&layout, &given, sizeof given) == 0)
        look(&layout);
}

static void look_at_lines(const uint8_t *data, size_t size)
{
    struct source_line line;
    struct source_around around;
    const struct line_tables tables = {{data, size}, {data, size / 2}, {data, size / 3}};
    asyncp_source_find(&tables, 0x1000, 0, &line, &around);
    asyncp_source_find(&tables, size, 0x1000, &line, &around);
}

static void look_at_file(const uint8_t *data, size_t size)
{
    const struct elf_image image = {(const char *)data, size};
    size_t offset;
    const char *name = asyncp_symbol_name(&image, 0x1000, &offset);
    const ElfW(Shdr) *section = asyncp_image_section(&image, ".eh_frame");
    if (section != NULL && section->sh_size == 1)
        asyncp_image_part(&image, section->sh_offset, 1);
    if (name != NULL && strlen(name) >= size)
        abort();
}

/* Each input is a block of its own, aligned as a mapping is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const looks[])(const uint8_t *, size_t) = {look_at_process, look_at_lines,
                                                             look_at_file};
    if (size < 2)
        return 0;
    uint8_t *copy = malloc(size - 1);
    if (copy == NULL)
        abort();
    memcpy(copy, data + 1, size - 1);
    looks[data[0] % 3](copy, size - 1);
    free(copy);
    return 0;
}
