/*
 * show/own_places.c: a task's stack is read from its outer end, where its function begins, to the
 * first call that the program makes to the library. The call before that one is the place of the
 * task. The function of a server's connection is the library's own, so its calls are outside of the
 * program's. A static library is in the same file as the program or as a plugin, so its sources and
 * its names tell it.
 */
#include "show/own_places.h"
#include "inspect/source.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An address, and its place. */
struct located {
    uint64_t address;
    uintptr_t base; /* of its file */
    struct code_place place;
    struct source_line line;
    bool was_sought, is_code;
};

struct own_place {
    uint64_t trace; /* its index */
    struct code_place place;
    bool is_found;
};

enum { MAX_PATH = sizeof(struct source_line) };

static bool begins_with(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

bool asyncp_is_beginning(const struct code_place *place)
{
    return begins_with(place->function, "coroutine_begin") ||
           begins_with(place->function, "asyncp_switch");
}

/* ---- one address ---------------------------------------------------------------------------- */

static struct table_bytes section_bytes(const struct elf_image *image, const char *name)
{
    const ElfW(Shdr) *section = asyncp_image_section(image, name);
    if (section == NULL || (section->sh_flags & SHF_COMPRESSED) != 0)
        return (struct table_bytes){.bytes = NULL};
    const void *bytes = asyncp_image_part(image, section->sh_offset, section->sh_size);
    return (struct table_bytes){bytes, (size_t)section->sh_size};
}

/* Of the library, or of the system: with -D_FORTIFY_SOURCE <unistd.h> has inline functions. */
static bool is_header(const char *file)
{
    return strstr(file, "include/asyncio/") != NULL || strstr(file, "asyncio-0/asyncio/") != NULL ||
           begins_with(file, "/usr/include/");
}

static bool is_in_function(const struct elf_image *image, uint64_t linked, uint64_t begin)
{
    size_t offset = 0;
    return asyncp_symbol_name(image, (uintptr_t)linked, &offset) != NULL &&
           linked - offset == begin;
}

/*
 * Finds the line that calls an inline function of a header. In tables of gcc it is the last
 * statement before. clang writes no row for the call; if no statement is before it, the next one is
 * nearer than the first line of the function. It counts only if it is below that line: else it is
 * that of another inlined function.
 */
static const struct source_line *find_caller(const struct elf_image *image, uint64_t begin,
                                             const struct source_line *line,
                                             const struct source_around *around)
{
    const struct source_line *next = &around->next, *first = &around->first;
    if (around->before.line > 0)
        return is_header(around->before.file) ? line : &around->before;
    if (next->line > first->line && strcmp(next->file, first->file) == 0 &&
        !is_header(next->file) && is_in_function(image, next->address, begin))
        return next;
    return first->line > 0 && !is_header(first->file) ? first : line;
}

/* begin: of the function; a line before it is that of another one. */
static bool find_line(const struct elf_image *image, uint64_t linked, uint64_t begin,
                      struct source_line *line)
{
    const struct line_tables tables = {.lines = section_bytes(image, ".debug_line"),
                                       .line_strings = section_bytes(image, ".debug_line_str"),
                                       .strings = section_bytes(image, ".debug_str")};
    struct source_around around;
    if (!asyncp_source_find(&tables, linked, begin, line, &around))
        return false;
    if (is_header(line->file))
        *line = *find_caller(image, begin, line, &around);
    return true;
}

/* Opens the file of an address, unless it is open. */
static bool use_file(struct own_places *own, uint64_t address)
{
    struct loaded_file file;
    if (!asyncp_image_find(&file, (uintptr_t)address))
        return false;
    if (own->has_file && file.base == own->file.base)
        return true;
    asyncp_image_close(&own->image);
    own->has_file = true;
    own->file = file;
    /* without it there is the offset */
    (void)asyncp_image_open_loaded(&own->image, (uintptr_t)address);
    return true;
}

/* The library's own begin of a task has no line that anything needs. */
static void find_in_image(struct own_places *own, struct located *located)
{
    const uint64_t linked = located->address - own->file.base;
    struct code_place *place = &located->place;
    located->base = own->file.base;
    size_t offset = 0;
    if (own->image.bytes != NULL)
        asyncp_place_set_symbol(place, asyncp_symbol_name(&own->image, (uintptr_t)linked, &offset));
    if (own->image.bytes != NULL && !asyncp_is_beginning(place) &&
        find_line(&own->image, linked, linked - offset, &located->line)) {
        place->line = located->line.line;
        snprintf(place->file, sizeof place->file, "%s", located->line.file);
    } else {
        struct loaded_file file = own->file;
        place->offset = linked;
        snprintf(place->file, sizeof place->file, "%s", asyncp_symbol_file(&file));
    }
}

/* A line table is searched from its begin, so each address is looked up once. */
static const struct located *locate(struct own_places *own, uint64_t address)
{
    static const struct located nowhere;
    uint32_t index;
    if (asyncp_table_add(&own->located, &address, &index) < 0)
        return &nowhere;
    struct located *located = asyncp_table_at(&own->located, index);
    if (!located->was_sought) {
        located->was_sought = true;
        located->is_code = use_file(own, address);
        if (located->is_code)
            find_in_image(own, located);
    }
    return located;
}

bool asyncp_own_place(struct own_places *own, uint64_t address, struct code_place *place)
{
    const struct located *located = locate(own, address);
    *place = located->place;
    return located->is_code;
}

bool asyncp_own_place_text(uint64_t address, char *text, size_t size)
{
    static struct own_places own; /* not on the stack, which may be that of a signal handler */
    static struct located located;
    own = (struct own_places){.has_file = false};
    located = (struct located){.address = address};
    if (!use_file(&own, address))
        return false;
    find_in_image(&own, &located);
    asyncp_image_close(&own.image);
    asyncp_place_text(text, size, &located.place);
    return true;
}

/* ---- a stack -------------------------------------------------------------------------------- */

/* Removes "." and ".." from a path that begins with a slash. */
static void remove_dots(char *path)
{
    char *end = path;
    for (const char *part = path, *next; *part != 0; part = next) {
        size_t length = 1 + strcspn(part + 1, "/");
        next = part + length;
        if (length == 1 || (length == 2 && part[1] == '.'))
            continue;
        if (length == 3 && part[1] == '.' && part[2] == '.') {
            while (end > path && *--end != '/')
                continue;
            continue;
        }
        memmove(end, part, length);
        end += length;
    }
    *end = 0;
}

/* The path of a source from the root on: compilers get those of sources and headers differently. */
static void make_source_path(const struct source_line *line, char *path, size_t size)
{
    bool is_whole = line->file[0] == '/';
    snprintf(path, size, "%s/%s", is_whole ? "" : line->folder, line->file + is_whole);
    remove_dots(path);
}

/* Whether the source is in the folder of the library's sources. Without them it has no lines. */
static bool is_library_source(const struct own_places *own, const struct source_line *line)
{
    char library[MAX_PATH], path[MAX_PATH];
    if (own->library_line.line == 0 || line->line == 0)
        return line->line == 0;
    make_source_path(&own->library_line, library, sizeof library);
    make_source_path(line, path, sizeof path);
    return asyncp_are_sources_together(path, library);
}

static bool is_of_library(const struct own_places *own, const struct located *located)
{
    const struct code_place *place = &located->place;
    if (place->is_entry)
        return false;
    if (begins_with(place->function, "async_") || begins_with(place->function, "asyncp_"))
        return true;
    return located->base == own->library_base &&
           (place->function[0] == 0 || is_library_source(own, &located->line));
}

static size_t count_frames(const struct trace *trace)
{
    size_t count = 0;
    while (count < MAX_FRAMES && trace->frames[count] != 0)
        count++;
    return count;
}

/* The innermost call of the program, before it calls the library. */
static void find_on_stack(struct own_places *own, const struct trace *trace,
                          struct code_place *found)
{
    memset(found, 0, sizeof *found);
    for (size_t i = count_frames(trace); i-- > 0;) {
        const struct located *located = locate(own, trace->frames[i] - 1);
        if (!located->is_code || asyncp_is_beginning(&located->place))
            continue;
        if (!is_of_library(own, located))
            *found = located->place;
        else if (found->function[0] != 0 || found->file[0] != 0)
            return;
    }
}

static const struct code_place *find_own(struct places *places, const struct snapshot *snapshot,
                                         const struct row *row)
{
    struct own_places *own = (void *)((char *)places - offsetof(struct own_places, places));
    const uint64_t key = row->trace;
    uint32_t index;
    memset(&own->place, 0, sizeof own->place);
    if (asyncp_table_add(&own->found, &key, &index) < 0)
        return &own->place;
    struct own_place *found = asyncp_table_at(&own->found, index);
    if (!found->is_found) {
        find_on_stack(own, asyncp_snapshot_trace(snapshot, row), &found->place);
        found->is_found = true;
    }
    own->place = found->place;
    return &own->place;
}

void asyncp_own_places_open(struct own_places *own)
{
    *own = (struct own_places){
        .places = {.find = find_own},
        .found = {.record_bytes = sizeof(struct own_place), .key_bytes = sizeof(uint64_t)},
        .located = {.record_bytes = sizeof(struct located), .key_bytes = sizeof(uint64_t)}};
    const struct located *library = locate(own, (uintptr_t)&asyncp_own_places_open);
    own->library_base = library->base;
    own->library_line = library->line;
}

void asyncp_own_places_close(struct own_places *own)
{
    asyncp_image_close(&own->image);
    asyncp_table_free(&own->found);
    asyncp_table_free(&own->located);
}

/* A part of a function that the compiler has split off begins with any line. */
static bool begins_in_library(struct own_places *own, uint64_t address)
{
    struct source_line begin = {.line = 0};
    size_t offset = 0;
    if (!use_file(own, address) || own->image.bytes == NULL)
        return false;
    const uint64_t linked = address - own->file.base;
    const char *symbol = asyncp_symbol_name(&own->image, (uintptr_t)linked, &offset);
    return symbol != NULL && strchr(symbol, '.') == NULL &&
           find_line(&own->image, linked - offset, linked - offset, &begin) && begin.line > 0 &&
           is_library_source(own, &begin);
}

static bool find_in_lines(uint64_t address)
{
    struct own_places *own = malloc(sizeof *own); /* the stack may be that of a task */
    if (own == NULL)
        return false;
    asyncp_own_places_open(own);
    bool is_library = begins_in_library(own, address);
    asyncp_own_places_close(own);
    free(own);
    return is_library;
}

enum own_file asyncp_own_file(uint64_t address)
{
    static const char name[] = "libasyncio.so";
    struct loaded_file file, library;
    if (!asyncp_image_find(&file, (uintptr_t)address) ||
        !asyncp_image_find(&library, (uintptr_t)&asyncp_own_file) || file.base != library.base)
        return OTHER_FILE;
    return strncmp(asyncp_symbol_file(&file), name, sizeof name - 1) == 0 ? LIBRARY_FILE
                                                                          : COMMON_FILE;
}

bool asyncp_is_library_code(uint64_t address)
{
    static _Atomic uint64_t answers[64]; /* for a common file: 2 * address + the answer */
    const enum own_file file = asyncp_own_file(address);
    if (file != COMMON_FILE)
        return file == LIBRARY_FILE;
    _Atomic uint64_t *place = &answers[address % (sizeof answers / sizeof *answers)];
    uint64_t answer = atomic_load(place);
    if (answer >> 1 != address) {
        answer = address << 1 | find_in_lines(address);
        atomic_store(place, answer);
    }
    return (answer & 1) != 0;
}
