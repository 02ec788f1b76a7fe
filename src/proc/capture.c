/*
 * proc/capture.c: buffers for the output of processes, which grow up to a limit.
 */
#include "proc/capture.h"
#include "base/memory.h"
#include <asyncio/process.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 4096 };

static void free_captured(struct captured *captured)
{
    memory_free(&asyncp_malloc, captured->bytes, captured->capacity);
    *captured = (struct captured){0};
}

void asyncp_communication_free(struct communication *communication)
{
    free_captured(&communication->out);
    free_captured(&communication->err);
}

/* Room for so many bytes and a zero byte. 0 or -ENOMEM. */
static int reserve_captured(struct captured *captured, size_t size)
{
    size_t wanted = captured->capacity > 0 ? captured->capacity : FIRST_CAPACITY;
    if (captured->size + size < captured->capacity)
        return 0;
    while (wanted <= captured->size + size)
        wanted *= 2;
    char *bytes = memory_resize(&asyncp_malloc, captured->bytes, captured->capacity, wanted);
    if (bytes == NULL)
        return -ENOMEM;
    captured->bytes = bytes;
    captured->capacity = wanted;
    return 0;
}

int asyncp_capture(struct captured *captured, const char *data, size_t size, size_t limit)
{
    size_t room = limit - captured->size;
    captured->cut |= size > room;
    size = size < room ? size : room;
    ASYNC_TRY(reserve_captured(captured, size));
    memcpy(captured->bytes + captured->size, data, size);
    captured->size += size;
    return 0;
}

int asyncp_captured_reserve(struct captured *captured)
{
    return reserve_captured(captured, 0);
}

int asyncp_captured_take(struct captured *captured, char **text, size_t *size)
{
    ASYNC_TRY(reserve_captured(captured, 0));
    captured->bytes[captured->size] = 0;
    *text = captured->bytes;
    *size = captured->size;
    *captured = (struct captured){0};
    return 0;
}

void async_output_free(async_output *output)
{
    if (output == NULL)
        return;
    free(output->out);
    free(output->err);
    *output = (async_output){0};
}
