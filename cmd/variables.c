/* cmd/variables.c: for each file a sorted list of its symbols that are variables. */
#include "cmd/variables.h"
#include <elfutils/libdwfl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct variable {
    uint64_t address, size;
    const char *name; /* of the file, which stays open */
    bool is_static;
};

struct variables {
    struct variables *next;
    Dwfl_Module *file;
    size_t count;
    struct variable each[]; /* by address; of two at one address the global one is the last */
};

static int compare(const void *a, const void *b)
{
    const struct variable *first = a, *second = b;
    if (first->address != second->address)
        return first->address < second->address ? -1 : 1;
    return second->is_static - first->is_static;
}

static bool read_symbol(Dwfl_Module *file, int index, struct variable *variable)
{
    GElf_Sym symbol;
    GElf_Addr address;
    GElf_Word section = SHN_UNDEF;
    const char *name = dwfl_module_getsym_info(file, index, &symbol, &address, &section, NULL,
                                               NULL);
    if (name == NULL || *name == 0 || GELF_ST_TYPE(symbol.st_info) != STT_OBJECT ||
        symbol.st_size == 0 || section == SHN_UNDEF)
        return false;
    *variable = (struct variable){.address = address,
                                  .size = symbol.st_size,
                                  .name = name,
                                  .is_static = GELF_ST_BIND(symbol.st_info) == STB_LOCAL};
    return true;
}

/* NULL: no memory. */
static struct variables *read_symbols(Dwfl_Module *file)
{
    const int symbols = dwfl_module_getsymtab(file);
    const size_t most = symbols > 0 ? (size_t)symbols : 0;
    struct variables *variables = calloc(1, sizeof *variables + most * sizeof variables->each[0]);
    if (variables == NULL)
        return NULL;
    variables->file = file;
    for (int i = 0; i < symbols; i++)
        variables->count += read_symbol(file, i, &variables->each[variables->count]);
    qsort(variables->each, variables->count, sizeof variables->each[0], compare);
    return variables;
}

static const struct variables *variables_of(struct variables **first, Dwfl_Module *file)
{
    struct variables *variables = *first;
    while (variables != NULL && variables->file != file)
        variables = variables->next;
    if (variables != NULL)
        return variables;
    variables = read_symbols(file);
    if (variables == NULL)
        return NULL;
    variables->next = *first;
    return *first = variables;
}

bool variables_find(struct variables **first, struct Dwfl_Module *file, uint64_t address,
                    char *name, size_t size)
{
    const struct variables *variables = variables_of(first, file);
    size_t low = 0, high = variables != NULL ? variables->count : 0;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (variables->each[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    const struct variable *found = low > 0 ? &variables->each[low - 1] : NULL;
    if (found == NULL || address - found->address >= found->size)
        return false;
    const uint64_t offset = address - found->address;
    int length = snprintf(name, size, "%s", found->name);
    if (offset > 0 && length > 0 && (size_t)length < size)
        snprintf(name + length, size - (size_t)length, "+%#" PRIx64, offset);
    return true;
}

void variables_free(struct variables *variables)
{
    while (variables != NULL) {
        struct variables *next = variables->next;
        free(variables);
        variables = next;
    }
}
