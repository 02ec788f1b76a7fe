/*
 * named.c: a program for tests/scripts/static.py: it ends in a deadlock. dl_iterate_phdr(3) has a
 * name for it, as that of musl does, and the name leads nowhere.
 */
#define _GNU_SOURCE
#include <asyncio.h>
#include <dlfcn.h>
#include <link.h>

typedef int file_callback(struct dl_phdr_info *file, size_t size, void *argument);

struct naming {
    file_callback *callback;
    void *argument;
    bool has_named; /* the first file, which is the program */
};

static int name_first(struct dl_phdr_info *file, size_t size, void *argument)
{
    struct naming *naming = argument;
    struct dl_phdr_info named = *file;
    if (!naming->has_named)
        named.dlpi_name = "./named";
    naming->has_named = true;
    return naming->callback(&named, size, naming->argument);
}

int dl_iterate_phdr(file_callback *callback, void *argument)
{
    struct naming naming = {.callback = callback, .argument = argument};
    int (*next)(file_callback *,
                void *) = (int (*)(file_callback *, void *))dlsym(RTLD_NEXT, "dl_iterate_phdr");
    return next(name_first, &naming);
}

static int waits(void)
{
    async_event never = {0};
    return async_event_wait(&never);
}
async_fn(waits);

int main(void)
{
    return async_main(waits);
}
