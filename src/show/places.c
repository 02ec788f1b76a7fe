/* show/places.c: the place of a task as text. */
#include "show/places.h"
#include <asyncio/base.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Bytes of the path up to the folder that holds the folder of the file. */
static size_t folder_of_folder(const char *path)
{
    size_t length = strlen(path);
    for (int slashes = 0; length > 0; length--)
        if (path[length - 1] == '/' && ++slashes == 2)
            break;
    return length;
}

bool asyncp_are_sources_together(const char *file, const char *other)
{
    return strncmp(file, other, folder_of_folder(other)) == 0;
}

/* async_fn(NAME) makes asyncp_enter_NAME, into which NAME is mostly inlined. */
void asyncp_place_set_function(struct code_place *place, const char *name)
{
    static const char enters[] = "asyncp_enter_";
    place->is_entry = name != NULL && strncmp(name, enters, sizeof enters - 1) == 0;
    if (place->is_entry)
        name += sizeof enters - 1;
    snprintf(place->function, sizeof place->function, "%s", name != NULL ? name : "");
}

/* A compiler appends a suffix to the symbol of a copy, as in "flush.constprop.0"; it is cut off. */
void asyncp_place_set_symbol(struct code_place *place, const char *symbol)
{
    asyncp_place_set_function(place, symbol);
    if (place->function[0] != 0)
        place->function[1 + strcspn(place->function + 1, ".")] = 0;
}

void asyncp_place_text(char *shown, size_t size, const struct code_place *place)
{
    const char *function = place->function[0] != 0 ? place->function : "?";
    if (place->line > 0)
        snprintf(shown, size, "%s %s:%u", function, place->file, place->line);
    else
        snprintf(shown, size, "%s %s+%#" PRIx64, function, place->file, place->offset);
}

void asyncp_show_object(char *shown, size_t size, struct places *places, uint64_t address)
{
    char name[256], escaped[512];
    if (places->name_object == NULL || !places->name_object(places, address, name, sizeof name)) {
        snprintf(shown, size, "%#" PRIx64, address);
        return;
    }
    async_printable(escaped, sizeof escaped, name, strlen(name));
    snprintf(shown, size, "%s (%#" PRIx64 ")", escaped, address);
}

void asyncp_show_place(char *shown, size_t size, struct places *places,
                       const struct snapshot *snapshot, const struct row *row)
{
    char text[512];
    const struct code_place *found = places->find(places, snapshot, row);
    *shown = 0;
    if (found->function[0] == 0 && found->file[0] == 0)
        return;
    asyncp_place_text(text, sizeof text, found);
    async_printable(shown, size, text, strlen(text));
}
