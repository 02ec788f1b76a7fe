/*
 * poll/watched.c: a table of chunks, of which only those exist in which a descriptor is, or was, of
 * interest.
 */
#include "poll/watched.h"
#include "sys/sys.h"

static int make_chunks(struct poller *poller, size_t wanted)
{
    if (wanted <= poller->chunk_count)
        return 0;
    size_t count = poller->chunk_count * 2 > wanted ? poller->chunk_count * 2 : wanted;
    size_t old_size = poller->chunk_count * sizeof *poller->chunks;
    size_t size = count * sizeof *poller->chunks;
    struct watched **chunks = memory_resize(&poller->memory, poller->chunks, old_size, size);
    if (chunks == NULL)
        return -ENOMEM;
    memset(chunks + poller->chunk_count, 0, size - old_size);
    poller->chunks = chunks;
    poller->chunk_count = count;
    return 0;
}

struct watched *asyncp_watched_of(struct poller *poller, int fd)
{
    size_t number = (size_t)fd / WATCHED_IN_CHUNK;
    if (number >= poller->chunk_count && !asyncp_sys_is_open(fd))
        return NULL; /* a wild number must not cost a table up to it */
    if (make_chunks(poller, number + 1) < 0)
        return NULL;
    struct watched **chunk = &poller->chunks[number];
    if (*chunk == NULL)
        *chunk = memory_new(&poller->memory, WATCHED_IN_CHUNK * sizeof(struct watched));
    return *chunk != NULL ? &(*chunk)[fd % WATCHED_IN_CHUNK] : NULL;
}

void asyncp_watched_close(struct poller *poller)
{
    for (size_t i = 0; i < poller->chunk_count; i++)
        memory_free(&poller->memory, poller->chunks[i], WATCHED_IN_CHUNK * sizeof(struct watched));
    memory_free(&poller->memory, poller->chunks, poller->chunk_count * sizeof(struct watched *));
}

void asyncp_watched_fail(struct list *line, int result, struct list *done)
{
    for (struct link *link; (link = list_first(line)) != NULL;) {
        list_remove(link);
        poll_mark_done(CONTAINER_OF(link, struct operation, link), result, done);
    }
}
