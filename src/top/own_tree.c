/* top/own_tree.c: writes the trees. It allocates memory, so it is not for handlers of signals. */
#include "top/own_tree.h"
#include "loop/loops.h"
#include "show/sheet.h"
#include "sys/file.h"
#include "sys/thread.h"
#include "top/own_look.h"
#include <errno.h>
#include <stdlib.h>

/* The text is written at once: lines of other threads do not get between. */
static int write_tree(struct own_look *look, int fd, const struct async_loop *loop)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (to == NULL)
        return -ENOMEM;
    const struct sheet sheet = {.to = to,
                                .snapshot = &look->snapshot,
                                .places = &look->places.places,
                                .process = (uint32_t)asyncp_sys_process_id(),
                                .only = loop != NULL ? asyncp_loop_number(loop) : 0};
    int result = asyncp_show_tree(&sheet, &look->graph, &look->cycles);
    if (fclose(to) != 0 && result == 0)
        result = -ENOMEM;
    if (result == 0)
        asyncp_sys_write_all(fd, text, size);
    free(text);
    return result;
}

int asyncp_own_tree(int fd, const struct async_loop *loop)
{
    struct own_look *look = malloc(sizeof *look);
    if (look == NULL)
        return -ENOMEM;
    int result = asyncp_own_look_open(look, loop != NULL);
    if (result == 0)
        result = write_tree(look, fd, loop);
    asyncp_own_look_close(look);
    free(look);
    return result;
}
