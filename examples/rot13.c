/*
 * rot13.c: a filter: copies standard input to standard output with each letter moved by thirteen.
 * Both may be terminals, pipes or files: `rot13 < file | less`, `yes | rot13 | head -1`.
 */
#include <asyncio.h>

static char moved(char letter)
{
    if (letter >= 'a' && letter <= 'z')
        return (char)('a' + (letter - 'a' + 13) % 26);
    if (letter >= 'A' && letter <= 'Z')
        return (char)('A' + (letter - 'A' + 13) % 26);
    return letter;
}

static int rot13(void)
{
    async_stream *in = async_stdin(), *out = async_stdout();
    char bytes[16384];
    int size;
    if (in == NULL || out == NULL)
        return async_fail(-EBADF, "standard input or output is not open");
    while ((size = async_stream_read(in, bytes, sizeof bytes)) > 0) {
        for (int i = 0; i < size; i++)
            bytes[i] = moved(bytes[i]);
        ASYNC_TRY(async_stream_write(out, bytes, (size_t)size));
        ASYNC_TRY(async_stream_drain(out)); /* waits while the reader is too slow */
    }
    return size;
}
async_fn(rot13);

int main(void)
{
    return async_main(rot13); /* sends the rest */
}
