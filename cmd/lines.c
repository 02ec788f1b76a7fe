/* cmd/lines.c: source lines by libdw, if the command was built with it. */
#include "cmd/lines.h"
#include "cmd/files.h"
#include "asyncio/base.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if HAS_LIBDW
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <unistd.h>
#endif

enum {
    MAX_PLACES = 128,
    PATH_BYTES = 4096,
    MAX_NESTED = 32
}; /* places: of a trace, with inlined functions */

struct lines {
    struct places places;
    struct table found; /* struct found_place by the index of the trace */
    char *text;         /* of lines_print, for text_trace; NULL: none */
    uint32_t text_trace;
#if HAS_LIBDW
    Dwfl *files;
    Elf *core;
    int core_fd;
#endif
};

struct found_place {
    uint64_t trace; /* its index */
    bool is_found;
    struct code_place place;
    uint64_t kind; /* a hash of all calls of the program */
};

/* ---- one address ---------------------------------------------------------------------------- */

#if HAS_LIBDW

static char *no_path;                  /* debug files are looked for where they usually are */
static const struct subject *reported; /* the subject that has loaded the files */

/* As the process sees the file: in its own mount namespace, and also if it was deleted. */
static int find_loaded(Dwfl_Module *file, void **data, const char *name, Dwarf_Addr start,
                       char **path, Elf **elf)
{
    char opened[PATH_BYTES];
    if (*name != '/') /* such as the vdso */
        return dwfl_linux_proc_find_elf(file, data, name, start, path, elf);
    live_find_path(reported, name, opened, sizeof opened);
    int fd = files_open_regular(opened);
    *path = fd >= 0 ? strdup(opened) : NULL;
    return fd;
}

static const Dwfl_Callbacks of_process = {.find_elf = find_loaded,
                                          .find_debuginfo = dwfl_standard_find_debuginfo,
                                          .debuginfo_path = &no_path};
static const Dwfl_Callbacks of_core = {.find_elf = dwfl_build_id_find_elf,
                                       .find_debuginfo = dwfl_standard_find_debuginfo,
                                       .debuginfo_path = &no_path};

/* 0: the loaded files are known. */
static int report_core(struct lines *lines, const char *path)
{
    elf_version(EV_CURRENT);
    lines->core_fd = files_open_regular(path);
    lines->core = lines->core_fd >= 0 ? elf_begin(lines->core_fd, ELF_C_READ_MMAP, NULL) : NULL;
    return lines->core != NULL && dwfl_core_file_report(lines->files, lines->core, NULL) > 0 ? 0
                                                                                             : -1;
}

static void open_files(struct lines *lines, const struct subject *subject)
{
    bool is_core = subject->core != NULL;
    lines->core_fd = -1;
    reported = subject;
    lines->files = dwfl_begin(is_core ? &of_core : &of_process);
    if (lines->files == NULL)
        return;
    int result = is_core ? report_core(lines, subject->core_path)
                         : dwfl_linux_proc_report(lines->files, subject->id);
    if (result != 0 || dwfl_report_end(lines->files, NULL, NULL) != 0) {
        dwfl_end(lines->files);
        lines->files = NULL;
    }
}

static void close_files(struct lines *lines)
{
    if (lines->files != NULL)
        dwfl_end(lines->files);
    if (lines->core != NULL)
        elf_end(lines->core);
    if (lines->core_fd >= 0)
        close(lines->core_fd);
}

static void set_text(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text != NULL ? text : "");
}

static void set_function(struct code_place *place, const char *name)
{
    static const char enters[] = "asyncp_enter_"; /* async_fn(NAME): mostly NAME is inlined there */
    place->is_entry = name != NULL && strncmp(name, enters, sizeof enters - 1) == 0;
    if (place->is_entry)
        name += sizeof enters - 1;
    set_text(place->function, sizeof place->function, name);
}

/* A path as the compiler was given it: without the folder in which it worked. */
static const char *path_in_unit(const char *path, Dwarf_Die *unit)
{
    Dwarf_Attribute attribute;
    const char *folder = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
    size_t length = folder != NULL ? strlen(folder) : 0;
    bool is_below = path != NULL && length > 0 && strncmp(path, folder, length) == 0 &&
                    path[length] == '/' && path[length + 1] != 0;
    return is_below ? path + length + 1 : path;
}

/* The line in a function from which the next inner one is called. */
static void set_call_line(struct code_place *place, Dwarf_Die *inlined, Dwarf_Die *unit)
{
    Dwarf_Attribute attribute;
    Dwarf_Files *files;
    Dwarf_Word line = 0, file = 0;
    size_t count;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attribute), &line) == 0)
        place->line = (unsigned)line;
    if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attribute), &file) == 0 &&
        dwarf_getsrcfiles(unit, &files, &count) == 0 && file < count)
        set_text(place->file, sizeof place->file,
                 path_in_unit(dwarf_filesrc(files, file, NULL, NULL), unit));
}

static bool is_function(Dwarf_Die *scope)
{
    int tag = dwarf_tag(scope);
    return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine;
}

/* Functions around an address, the outermost first. */
struct nesting {
    Dwarf_Die dies[MAX_NESTED];
    size_t count;
};

/*
 * Goes down from function to function. A block is looked into whatever its range: gcc leaves some
 * empty. (dwarf_getscopes does not find functions of other units, which link-time optimization
 * inlines.)
 */
static bool descend(struct nesting *nesting, Dwarf_Die *parent, Dwarf_Addr address, int depth)
{
    Dwarf_Die child;
    if (depth == MAX_NESTED || dwarf_child(parent, &child) != 0)
        return false;
    do {
        int tag = dwarf_tag(&child);
        bool is_block = tag == DW_TAG_lexical_block || tag == DW_TAG_namespace ||
                        tag == DW_TAG_class_type || tag == DW_TAG_structure_type;
        if (is_function(&child) && dwarf_haspc(&child, address) > 0 &&
            nesting->count < MAX_NESTED) {
            nesting->dies[nesting->count++] = child;
            descend(nesting, &child, address, depth + 1);
            return true;
        }
        if (is_block && descend(nesting, &child, address, depth + 1))
            return true;
    } while (dwarf_siblingof(&child, &child) == 0);
    return false;
}

/* The functions at an address, the innermost inlined one first. Returns how many. */
static size_t find_functions(Dwarf_Die *unit, Dwarf_Addr address, struct code_place *places,
                             size_t most)
{
    static struct nesting nesting;
    nesting.count = 0;
    descend(&nesting, unit, address, 0);
    size_t used = 0;
    for (size_t i = nesting.count; i-- > 0 && used < most; used++) {
        set_function(&places[used], dwarf_diename(&nesting.dies[i]));
        if (used > 0)
            set_call_line(&places[used], &nesting.dies[i + 1], unit);
    }
    return used;
}

/*
 * The compiled file of an address; NULL: unknown. clang writes no index of addresses; the index of
 * other compilers then gives the file before.
 */
static Dwarf_Die *find_unit(Dwfl_Module *file, Dwarf_Addr address, Dwarf_Addr *bias)
{
    Dwarf_Die *unit = dwfl_module_addrdie(file, address, bias);
    if (unit != NULL && dwarf_haspc(unit, address - *bias) > 0)
        return unit;
    unit = NULL;
    do
        unit = dwfl_module_nextcu(file, unit, bias);
    while (unit != NULL && dwarf_haspc(unit, address - *bias) <= 0);
    return unit;
}

static void set_line(struct code_place *place, Dwfl_Module *file, Dwarf_Die *unit,
                     Dwarf_Addr address, Dwarf_Addr bias)
{
    int number = 0;
    Dwarf_Line *line = unit != NULL ? dwarf_getsrc_die(unit, address - bias) : NULL;
    const char *source = line != NULL && dwarf_lineno(line, &number) == 0
                             ? dwarf_linesrc(line, NULL, NULL)
                             : NULL;
    if (source != NULL && number > 0) {
        set_text(place->file, sizeof place->file, path_in_unit(source, unit));
        place->line = (unsigned)number;
        return;
    }
    Dwarf_Addr start = 0;
    set_text(place->file, sizeof place->file,
             dwfl_module_info(file, NULL, &start, NULL, NULL, NULL, NULL, NULL));
    place->offset = address - start;
}

static Dwfl_Module *find_file(const struct lines *lines, uint64_t address)
{
    return lines->files != NULL ? dwfl_addrmodule(lines->files, address) : NULL;
}

/* The source file that was compiled, whole; "" without debug information. */
static void find_source(Dwfl_Module *file, uint64_t address, char *path, size_t size)
{
    Dwarf_Addr bias;
    Dwarf_Attribute attribute;
    Dwarf_Die *unit = find_unit(file, address, &bias);
    const char *name = unit != NULL ? dwarf_diename(unit) : NULL, *folder = NULL;
    if (name != NULL && *name != '/')
        folder = dwarf_formstring(dwarf_attr(unit, DW_AT_comp_dir, &attribute));
    snprintf(path, size, "%s%s%s", folder != NULL ? folder : "", folder != NULL ? "/" : "",
             name != NULL ? name : "");
}

/*
 * Whether an address is in libasyncio, which has the address `inside`: in the same file, and in a
 * static program from the same folder of sources.
 */
static bool is_in_library(const struct lines *lines, uint64_t address, uint64_t inside)
{
    char first[PATH_BYTES], path[PATH_BYTES];
    Dwfl_Module *library = find_file(lines, inside), *file = find_file(lines, address);
    if (library == NULL || file != library)
        return false;
    find_source(library, inside, first, sizeof first);
    find_source(file, address, path, sizeof path);
    return asyncp_are_sources_together(path, first);
}

/* Whether an address is in a shared file of libc or of the kernel. */
static bool is_in_libc(const struct lines *lines, uint64_t address)
{
    static const char *const beginnings[] = {"libc.", "libc-", "libpthread", "ld-", "[vdso"};
    Dwfl_Module *file = find_file(lines, address);
    const char *path = file == NULL
                           ? NULL
                           : dwfl_module_info(file, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;
    const char *name = slash != NULL ? slash + 1 : path;
    for (size_t i = 0; name != NULL && i < sizeof beginnings / sizeof *beginnings; i++)
        if (strncmp(name, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return false;
}

static bool has_source(const struct lines *lines, uint64_t address)
{
    char path[PATH_BYTES] = "";
    Dwfl_Module *file = find_file(lines, address);
    if (file != NULL)
        find_source(file, address, path, sizeof path);
    return *path != 0;
}

static size_t find_places(struct lines *lines, uint64_t address, struct code_place *places,
                          size_t most)
{
    Dwfl_Module *file = find_file(lines, address);
    Dwarf_Addr bias = 0;
    memset(places, 0, most * sizeof *places);
    if (file == NULL || most == 0)
        return 0;
    Dwarf_Die *unit = find_unit(file, address, &bias);
    size_t count = unit != NULL ? find_functions(unit, address - bias, places, most) : 0;
    if (count == 0) {
        set_function(&places[0], dwfl_module_addrname(file, address));
        count = 1;
    }
    set_line(&places[0], file, unit, address, bias);
    return count;
}

#else

static void open_files(struct lines *lines, const struct subject *subject)
{
    (void)lines, (void)subject;
}

static void close_files(struct lines *lines)
{
    (void)lines;
}

static bool is_in_library(const struct lines *lines, uint64_t address, uint64_t inside)
{
    (void)lines, (void)address, (void)inside;
    return true;
}

static bool is_in_libc(const struct lines *lines, uint64_t address)
{
    (void)lines, (void)address;
    return false;
}

static bool has_source(const struct lines *lines, uint64_t address)
{
    (void)lines, (void)address;
    return true;
}

static size_t find_places(struct lines *lines, uint64_t address, struct code_place *places,
                          size_t most)
{
    (void)lines;
    if (most > 0)
        places[0] = (struct code_place){.offset = address};
    return most > 0;
}

#endif

/* ---- traces --------------------------------------------------------------------------------- */

/* All calls of a trace. */
struct calls {
    struct code_place places[MAX_PLACES];
    bool is_inside[MAX_PLACES]; /* it is in libasyncio or in libc */
    size_t count;
    bool runs;       /* the task was not suspended: the innermost call may be any */
    bool has_source; /* the library has debug information */
};

/* Where the library has no debug information, what has a line is not the library. */
static void add_call(struct lines *lines, uint64_t address, uint64_t inside, struct calls *calls)
{
    size_t before = calls->count;
    bool is_inside = is_in_library(lines, address, inside) ||
                     (calls->runs && is_in_libc(lines, address));
    calls->count += find_places(lines, address, calls->places + before, MAX_PLACES - before);
    for (size_t i = before; i < calls->count; i++) {
        bool has_line = calls->places[i].line > 0;
        calls->is_inside[i] = is_inside && !(calls->runs && !calls->has_source && has_line);
    }
}

/* A suspended task is in the library. */
static void find_calls(struct lines *lines, const struct snapshot *snapshot, const struct row *row,
                       struct calls *calls)
{
    const struct trace *trace = asyncp_snapshot_trace(snapshot, row);
    calls->count = 0;
    calls->runs = row->state == ROW_RUNS;
    const uint64_t inside = calls->runs ? snapshot->library : trace->frames[0] - 1;
    calls->has_source = trace->frames[0] != 0 && has_source(lines, inside);
    for (int i = 0; i < MAX_FRAMES && trace->frames[i] != 0; i++)
        add_call(lines, trace->frames[i] - 1, inside, calls); /* in the instruction that calls */
}

static bool begins_with(const struct code_place *place, const char *beginning)
{
    return strncmp(place->function, beginning, strlen(beginning)) == 0;
}

/* Of the library, or an inline function of its headers. */
static bool has_public_name(const struct code_place *place)
{
    return begins_with(place, "async_") || begins_with(place, "asyncp_");
}

/* Behind the last public function: the library has no debug information in a static program. */
static size_t behind_public(const struct calls *calls)
{
    size_t own = calls->count;
    for (size_t i = 0; i < calls->count; i++)
        if (begins_with(&calls->places[i], "async_"))
            own = i + 1;
    return own;
}

/*
 * The innermost call of the program in a task that runs: one with a line, because other libraries
 * mostly have none; else the innermost one.
 */
static size_t first_of_running(const struct calls *calls)
{
    size_t without_line = calls->count;
    for (size_t i = calls->count; i-- > 0;)
        if (!calls->is_inside[i] && !has_public_name(&calls->places[i]))
            without_line = i;
    for (size_t i = without_line; i < calls->count; i++)
        if (!calls->is_inside[i] && !has_public_name(&calls->places[i]) &&
            calls->places[i].line > 0)
            return i;
    return without_line;
}

/* The first call of the program. */
static size_t first_own(const struct calls *calls)
{
    size_t own = 0;
    if (calls->runs)
        return first_of_running(calls);
    while (own < calls->count && calls->is_inside[own])
        own++;
    if (own == calls->count && !calls->has_source)
        own = behind_public(calls);
    while (own < calls->count && has_public_name(&calls->places[own]))
        own++;
    return own;
}

/* The library's function that has called the task's. */
static bool is_beginning(const struct code_place *place)
{
    return begins_with(place, "coroutine_begin") || begins_with(place, "asyncp_switch");
}

static struct lines *lines_of(struct places *places)
{
    return (void *)((char *)places - offsetof(struct lines, places));
}

static uint64_t hash_call(uint64_t hash, const struct code_place *place)
{
    char text[512];
    asyncp_place_text(text, sizeof text, place);
    for (const char *at = text; *at != 0; at++)
        hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    return (hash ^ UINT64_MAX) * UINT64_C(0x9e3779b97f4a7c15);
}

/* Remembered for each trace of the snapshot. */
static const struct found_place *find_found(struct places *places, const struct snapshot *snapshot,
                                            const struct row *row)
{
    struct lines *lines = lines_of(places);
    static const struct found_place unknown;
    static struct calls calls;
    const uint64_t key = row->trace;
    uint32_t index;
    if (asyncp_table_add(&lines->found, &key, &index) < 0)
        return &unknown;
    struct found_place *found = asyncp_table_at(&lines->found, index);
    if (found->is_found)
        return found;
    find_calls(lines, snapshot, row, &calls);
    size_t own = first_own(&calls);
    if (own < calls.count && !is_beginning(&calls.places[own]))
        found->place = calls.places[own];
    for (; own < calls.count && !is_beginning(&calls.places[own]); own++)
        found->kind = hash_call(found->kind, &calls.places[own]);
    found->is_found = true;
    return found;
}

static const struct code_place *find_place(struct places *places, const struct snapshot *snapshot,
                                           const struct row *row)
{
    return &find_found(places, snapshot, row)->place;
}

static uint64_t find_kind(struct places *places, const struct snapshot *snapshot,
                          const struct row *row)
{
    return find_found(places, snapshot, row)->kind;
}

/* Behind the function itself its entry says nothing new. */
static bool is_repeated(const struct calls *calls, size_t index)
{
    return index > 0 && calls->places[index].is_entry &&
           strcmp(calls->places[index].function, calls->places[index - 1].function) == 0;
}

/* The callers in a task that runs may be unknown: a running process does not tell all registers. */
static void print_calls(FILE *to, struct lines *lines, const struct snapshot *snapshot,
                        const struct row *row, const char *indent)
{
    static struct calls calls;
    char shown[512], escaped[2048];
    find_calls(lines, snapshot, row, &calls);
    size_t i = first_own(&calls);
    for (; i < calls.count && !is_beginning(&calls.places[i]); i++) {
        if (is_repeated(&calls, i))
            continue;
        asyncp_place_text(shown, sizeof shown, &calls.places[i]);
        async_printable(escaped, sizeof escaped, shown, strlen(shown));
        fprintf(to, "%s%s\n", indent, escaped);
    }
    bool is_full = asyncp_snapshot_trace(snapshot, row)->frames[MAX_FRAMES - 1] != 0;
    bool is_cut = calls.runs && i > 0 && i == calls.count && !calls.is_inside[i - 1];
    if (is_full || is_cut)
        fprintf(to, "%s…\n", indent);
}

/* Neighbours mostly have the same trace, so the last text is kept. */
void lines_print(struct places *places, const struct snapshot *snapshot, const struct row *row,
                 const char *indent)
{
    struct lines *lines = lines_of(places);
    if (lines->text == NULL || lines->text_trace != row->trace) {
        size_t size;
        free(lines->text);
        lines->text = NULL;
        FILE *to = open_memstream(&lines->text, &size);
        if (to == NULL)
            return;
        print_calls(to, lines, snapshot, row, indent);
        fclose(to);
        lines->text_trace = row->trace;
    }
    if (lines->text != NULL)
        fputs(lines->text, stdout);
}

/* ---- opening -------------------------------------------------------------------------------- */

int lines_open(struct lines **out, const struct subject *subject)
{
    struct lines *lines = calloc(1, sizeof *lines);
    *out = lines;
    if (lines == NULL)
        return -ENOMEM;
    lines->places = (struct places){.find = find_place, .find_kind = find_kind};
    lines->found = (struct table){.record_bytes = sizeof(struct found_place),
                                  .key_bytes = sizeof(uint64_t)};
    open_files(lines, subject);
    return 0;
}

struct places *lines_places(struct lines *lines)
{
    return &lines->places;
}

void lines_close(struct lines *lines)
{
    if (lines == NULL)
        return;
    close_files(lines);
    asyncp_table_free(&lines->found);
    free(lines->text);
    free(lines);
}
