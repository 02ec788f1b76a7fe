/* cmd/sources.c: libdw, if the command was built with it. */
#include "cmd/sources.h"
#include "cmd/screen.h"
#include "cmd/variables.h"
#include "sys/image.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if HAS_LIBDW
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwfl.h>
#include <unistd.h>
#endif

enum { PATH_BYTES = 4096, MAX_NESTED = 32 };

struct sources {
#if HAS_LIBDW
    Dwfl *files;
    Elf *core;
    struct variables *variables;
#else
    char unused;
#endif
};

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
    int fd = asyncp_image_open_regular(opened);
    *path = fd >= 0 ? strdup(opened) : NULL;
    return fd;
}

static const Dwfl_Callbacks of_process = {.find_elf = find_loaded,
                                          .find_debuginfo = dwfl_standard_find_debuginfo,
                                          .debuginfo_path = &no_path};
static const Dwfl_Callbacks of_core = {.find_elf = dwfl_build_id_find_elf,
                                       .find_debuginfo = dwfl_standard_find_debuginfo,
                                       .debuginfo_path = &no_path};

/* The core is not mapped, as in core.c. 0: the loaded files are known. */
static int report_core(struct sources *sources, const struct core *core)
{
    elf_version(EV_CURRENT);
    sources->core = elf_begin(core_file(core), ELF_C_READ, NULL);
    return sources->core != NULL && dwfl_core_file_report(sources->files, sources->core, NULL) > 0
               ? 0
               : -1;
}

/* Another error of the bus ends the command as if it were not caught. */
static void on_bus_error(int number, siginfo_t *info, void *context)
{
    static const char sentence[] =
        "asyncio: a file that the process has loaded has become shorter while it was read\n";
    (void)context;
    if (info->si_code != BUS_ADRERR) {
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    screen_close();
    while (write(STDERR_FILENO, sentence, sizeof sentence - 1) < 0 && errno == EINTR)
        continue;
    _exit(EXIT_FAILURE);
}

/* libdw maps files, which may be larger than the memory. */
static void catch_bus_errors(void)
{
    const struct sigaction action = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &action, NULL);
}

static void open_files(struct sources *sources, const struct subject *subject)
{
    bool is_core = subject->core != NULL;
    reported = subject;
    catch_bus_errors();
    sources->files = dwfl_begin(is_core ? &of_core : &of_process);
    if (sources->files == NULL)
        return;
    int result = is_core ? report_core(sources, subject->core)
                         : dwfl_linux_proc_report(sources->files, subject->living);
    if (result != 0 || dwfl_report_end(sources->files, NULL, NULL) != 0) {
        dwfl_end(sources->files);
        sources->files = NULL;
    }
}

static void close_files(struct sources *sources)
{
    variables_free(sources->variables);
    if (sources->files != NULL)
        dwfl_end(sources->files);
    if (sources->core != NULL)
        elf_end(sources->core);
}

static void set_text(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text != NULL ? text : "");
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
        asyncp_place_set_function(&places[used], dwarf_diename(&nesting.dies[i]));
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

static Dwfl_Module *find_file(const struct sources *sources, uint64_t address)
{
    return sources->files != NULL ? dwfl_addrmodule(sources->files, address) : NULL;
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

bool sources_in_library(const struct sources *sources, uint64_t address, uint64_t inside)
{
    char first[PATH_BYTES], path[PATH_BYTES];
    Dwfl_Module *library = find_file(sources, inside), *file = find_file(sources, address);
    if (library == NULL || file != library)
        return false;
    find_source(library, inside, first, sizeof first);
    find_source(file, address, path, sizeof path);
    return asyncp_are_sources_together(path, first);
}

bool sources_in_libc(const struct sources *sources, uint64_t address)
{
    static const char *const beginnings[] = {"libc.", "libc-", "libpthread", "ld-", "[vdso"};
    Dwfl_Module *file = find_file(sources, address);
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

bool sources_know(const struct sources *sources, uint64_t address)
{
    char path[PATH_BYTES] = "";
    Dwfl_Module *file = find_file(sources, address);
    if (file != NULL)
        find_source(file, address, path, sizeof path);
    return *path != 0;
}

struct section_search {
    Dwarf_Addr address;
    Dwfl_Module *file; /* the result */
};

static int search_sections(Dwfl_Module *file, void **data, const char *name, Dwarf_Addr start,
                           void *argument)
{
    struct section_search *search = argument;
    Dwarf_Addr address = search->address, bias;
    (void)data, (void)name, (void)start;
    if (dwfl_module_address_section(file, &address, &bias) == NULL)
        return DWARF_CB_OK;
    search->file = file;
    return DWARF_CB_ABORT;
}

/* Variables that begin as 0 may lie behind the pages that are mapped from the file. */
static Dwfl_Module *find_file_of_variable(const struct sources *sources, uint64_t address)
{
    struct section_search search = {.address = address, .file = find_file(sources, address)};
    if (search.file == NULL && sources->files != NULL)
        dwfl_getmodules(sources->files, search_sections, &search, 0);
    return search.file;
}

bool sources_find_variable(struct sources *sources, uint64_t address, char *name, size_t size)
{
    Dwfl_Module *file = find_file_of_variable(sources, address);
    return file != NULL && variables_find(&sources->variables, file, address, name, size);
}

size_t sources_find_places(const struct sources *sources, uint64_t address,
                           struct code_place *places, size_t most)
{
    Dwfl_Module *file = find_file(sources, address);
    Dwarf_Addr bias = 0;
    memset(places, 0, most * sizeof *places);
    if (file == NULL || most == 0)
        return 0;
    Dwarf_Die *unit = find_unit(file, address, &bias);
    size_t count = unit != NULL ? find_functions(unit, address - bias, places, most) : 0;
    if (count == 0) {
        asyncp_place_set_symbol(&places[0], dwfl_module_addrname(file, address));
        count = 1;
    }
    set_line(&places[0], file, unit, address, bias);
    return count;
}

#else

static void open_files(struct sources *sources, const struct subject *subject)
{
    (void)sources, (void)subject;
}

static void close_files(struct sources *sources)
{
    (void)sources;
}

bool sources_in_library(const struct sources *sources, uint64_t address, uint64_t inside)
{
    (void)sources, (void)address, (void)inside;
    return true;
}

bool sources_in_libc(const struct sources *sources, uint64_t address)
{
    (void)sources, (void)address;
    return false;
}

bool sources_know(const struct sources *sources, uint64_t address)
{
    (void)sources, (void)address;
    return true;
}

bool sources_find_variable(struct sources *sources, uint64_t address, char *name, size_t size)
{
    (void)sources, (void)address, (void)name, (void)size;
    return false;
}

size_t sources_find_places(const struct sources *sources, uint64_t address,
                           struct code_place *places, size_t most)
{
    (void)sources;
    if (most > 0)
        places[0] = (struct code_place){.offset = address};
    return most > 0;
}

#endif

int sources_open(struct sources **out, const struct subject *subject)
{
    struct sources *sources = calloc(1, sizeof *sources);
    *out = sources;
    if (sources == NULL)
        return -ENOMEM;
    open_files(sources, subject);
    return 0;
}

void sources_close(struct sources *sources)
{
    if (sources == NULL)
        return;
    close_files(sources);
    free(sources);
}
