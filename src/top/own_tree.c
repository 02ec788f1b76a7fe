/* top/own_tree.c: writes the trees. It allocates memory, so it is not for handlers of signals. */
#include "top/own_tree.h"
#include "loop/loops.h"
#include "show/sheet.h"
#include "sys/thread.h"
#include "top/own_look.h"

static int show_own_tree(FILE *to, struct own_look *look, void *loop)
{
    const struct sheet sheet = {.to = to,
                                .snapshot = &look->snapshot,
                                .places = &look->places.places,
                                .known = &look->known,
                                .process = (uint32_t)asyncp_sys_process_id(),
                                .only = loop != NULL ? asyncp_loop_number(loop) : 0};
    return asyncp_show_tree(&sheet, &look->graph, &look->cycles);
}

int asyncp_own_tree(int fd, struct async_loop *loop)
{
    return asyncp_own_report(fd, loop != NULL, show_own_tree, loop);
}
