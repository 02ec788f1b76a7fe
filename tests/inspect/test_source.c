/*
 * test_source.c: lines of the source from the line tables of this program, and of tables that are
 * damaged.
 */
#include "inspect/source.h"
#include "run/runner.h"
#include "sys/image.h"

#include <stdlib.h>
#include <string.h>

/* The tables of this program. */
static struct elf_image image;
static struct loaded_file file;
static struct line_tables tables;

static struct table_bytes section(const char *name)
{
    const ElfW(Shdr) *found = asyncp_image_section(&image, name);
    if (found == NULL)
        return (struct table_bytes){.bytes = NULL};
    return (struct table_bytes){asyncp_image_part(&image, found->sh_offset, found->sh_size),
                                (size_t)found->sh_size};
}

/* The address to which it returns. */
__attribute__((noinline)) static uintptr_t find_here(void)
{
    return (uintptr_t)__builtin_extract_return_addr(__builtin_return_address(0));
}

static void open_tables(void)
{
    CHECK(asyncp_image_find(&file, (uintptr_t)&find_here));
    CHECK(asyncp_image_open(&image, file.path));
    tables = (struct line_tables){section(".debug_line"), section(".debug_line_str"),
                                  section(".debug_str")};
    if (tables.lines.bytes == NULL)
        test_skip("this program has no line tables");
    const ElfW(Shdr) *lines = asyncp_image_section(&image, ".debug_line");
    if ((lines->sh_flags & SHF_COMPRESSED) != 0)
        test_skip("the line tables of this program are compressed");
}

TEST(source_of_an_instruction_is_its_file_and_line)
{
    struct source_line line;
    struct source_around around;
    open_tables();
    uintptr_t address = find_here();
    const unsigned here = __LINE__ - 1;
    CHECK(asyncp_source_find(&tables, address - file.base - 1, 0, &line, &around));
    const char *name = strrchr(line.file, '/');
    CHECK_STR(name != NULL ? name + 1 : line.file, "test_source.c");
    CHECK_EQ(line.line, here);
    asyncp_image_close(&image);
}

TEST(source_of_no_instruction_is_unknown)
{
    struct source_line line;
    struct source_around around;
    const struct line_tables none = {{NULL, 0}, {NULL, 0}, {NULL, 0}};
    open_tables();
    CHECK(!asyncp_source_find(&tables, UINTPTR_MAX, 0, &line, &around));
    CHECK(!asyncp_source_find(&none, (uintptr_t)&open_tables - file.base, 0, &line, &around));
    asyncp_image_close(&image);
}

static uint64_t state;

static uint64_t draw(void)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return state >> 16;
}

/* A part of each table, with bytes replaced, is the whole table; its end is the end of a block. */
TEST(source_of_damaged_tables_ends)
{
    enum { MAX_PART = 20000, ROUNDS = 400 };
    struct source_line line;
    struct source_around around;
    open_tables();
    for (uint64_t seed = 1; seed <= ROUNDS; seed++) {
        struct line_tables damaged = tables;
        state = seed;
        size_t size = 1 + (size_t)(draw() % MAX_PART);
        size = size < tables.lines.size ? size : tables.lines.size;
        uint8_t *part = malloc(size);
        CHECK(part != NULL);
        memcpy(part, tables.lines.bytes, size);
        for (uint64_t i = 0; i < seed % 50; i++)
            part[draw() % (i % 2 == 0 && size > 64 ? 64 : size)] = (uint8_t)draw();
        damaged.lines = (struct table_bytes){part, size};
        damaged.line_strings.size = (size_t)(draw() % (tables.line_strings.size + 1));
        asyncp_source_find(&damaged, (uintptr_t)draw() % 100000, draw() % 100000, &line, &around);
        asyncp_source_find(&damaged, (uintptr_t)&open_tables - file.base, 0, &line, &around);
        free(part);
    }
    asyncp_image_close(&image);
}

/* ---- tables made by hand -------------------------------------------------------------------- */

struct bytes_of_table {
    uint8_t bytes[256];
    size_t count;
};

static void put(struct bytes_of_table *table, const void *bytes, size_t size)
{
    CHECK(table->count + size <= sizeof table->bytes);
    memcpy(table->bytes + table->count, bytes, size);
    table->count += size;
}

/* A function of 0x3000 bytes and more at an address, with two rows of one line. */
static void put_sequence(struct bytes_of_table *table, uintptr_t address, uint8_t line)
{
    const uint8_t set_address[] = {0, 1 + sizeof address, 2};
    const uint8_t rest[] = {3, (uint8_t)(line - 1), 1, 2, 0x10, 1, 2, 0x80, 0xe0, 0, 0, 1, 1};
    put(table, set_address, sizeof set_address);
    put(table, &address, sizeof address);
    put(table, rest, sizeof rest);
}

/* DWARF 4, with one file. */
static struct bytes_of_table begin_table(void)
{
    static const uint8_t head[] = {1, 1, 1, 0xfb, 14, 13,  0,   1,   1, 1, 1, 0, 0, 0,
                                   1, 0, 0, 1,    0,  'a', '.', 'c', 0, 0, 0, 0, 0};
    const uint32_t unit_size = 0, head_size = sizeof head;
    const uint16_t version = 4;
    struct bytes_of_table table = {.count = 0};
    put(&table, &unit_size, sizeof unit_size);
    put(&table, &version, sizeof version);
    put(&table, &head_size, sizeof head_size);
    put(&table, head, sizeof head);
    return table;
}

/* Linkers set the address of a function that they drop to 0, or in 64 bits to a highest one. */
TEST(source_of_functions_that_were_left_out_is_in_no_line)
{
    const uintptr_t left_out[] = {0, UINTPTR_MAX, UINTPTR_MAX - 1};
    const size_t count = sizeof(uintptr_t) == 8 ? 3 : 1;
    for (size_t i = 0; i < count; i++) {
        struct source_line line;
        struct source_around around;
        struct bytes_of_table table = begin_table();
        put_sequence(&table, left_out[i], 30);
        put_sequence(&table, 0x1000, 20);
        const uint32_t unit_size = (uint32_t)(table.count - sizeof unit_size);
        memcpy(table.bytes, &unit_size, sizeof unit_size);
        const struct line_tables by_hand = {{table.bytes, table.count}, {NULL, 0}, {NULL, 0}};
        CHECK(asyncp_source_find(&by_hand, 0x1010, 0x1000, &line, &around));
        CHECK_EQ(line.line, 20);
    }
}
