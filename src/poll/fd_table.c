/*
 * poll/fd_table.c: the table of descriptors: an array of chunks, allocated when a descriptor in
 * their range is first used.
 */
#include "poll/fd_table.h"
#include "sys/file.h"

static int grow_fd_table(struct poller *poller, size_t wanted)
{
    if (wanted <= poller->fd_chunk_count)
        return 0;
    size_t doubled = poller->fd_chunk_count * 2;
    size_t count = doubled > wanted ? doubled : wanted;
    size_t old_size = poller->fd_chunk_count * sizeof *poller->fd_chunks;
    size_t size = count * sizeof *poller->fd_chunks;
    char **chunks = memory_resize(&poller->memory, poller->fd_chunks, old_size, size);
    if (chunks == NULL)
        return -ENOMEM;
    memset(chunks + poller->fd_chunk_count, 0, size - old_size);
    poller->fd_chunks = chunks;
    poller->fd_chunk_count = count;
    return 0;
}

struct fd_entry *asyncp_fd_entry_get(struct poller *poller, int fd)
{
    size_t chunk = (size_t)fd / FDS_IN_CHUNK;
    if (chunk >= poller->fd_chunk_count && !asyncp_sys_is_open(fd))
        return NULL; /* do not grow the table for an arbitrary number */
    if (grow_fd_table(poller, chunk + 1) < 0)
        return NULL;
    char **entries = &poller->fd_chunks[chunk];
    if (*entries == NULL)
        *entries = memory_new(&poller->memory, FDS_IN_CHUNK * poller->entry_size);
    return fd_entry_find(poller, fd);
}

void asyncp_fd_table_close(struct poller *poller)
{
    for (size_t i = 0; i < poller->fd_chunk_count; i++)
        memory_free(&poller->memory, poller->fd_chunks[i], FDS_IN_CHUNK * poller->entry_size);
    memory_free(&poller->memory, poller->fd_chunks,
                poller->fd_chunk_count * sizeof *poller->fd_chunks);
}
