/* cmd/variables.c: for each file a sorted list of its symbols that are variables. */
#include "cmd/variables.h"
#include <elfutils/libdwfl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_INNER = 16 };

struct variable {
    uint64_t address, size;
    const char *name; /* of the file, which stays open */
    bool is_static;
};

struct variables {
    struct variables *next;
    Dwfl_Module *file;
    size_t count;
    struct variable each[]; /* by address; of those at one address the best one is the last */
};

/* A larger one is better, and then a global one. */
static int compare(const void *a, const void *b)
{
    const struct variable *first = a, *second = b;
    if (first->address != second->address)
        return first->address < second->address ? -1 : 1;
    if (first->size != second->size)
        return first->size < second->size ? -1 : 1;
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

/* NULL: none has the address. A few may lie in a larger one. */
static const struct variable *find(const struct variables *variables, uint64_t address)
{
    size_t low = 0, high = variables->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (variables->each[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = 0; i < MAX_INNER && i < low; i++) {
        const struct variable *variable = &variables->each[low - 1 - i];
        if (address - variable->address < variable->size)
            return variable;
    }
    return NULL;
}

bool variables_find(struct variables **first, struct Dwfl_Module *file, uint64_t address,
                    char *name, size_t size)
{
    const struct variables *variables = variables_of(first, file);
    const struct variable *found = variables != NULL ? find(variables, address) : NULL;
    if (found == NULL)
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
