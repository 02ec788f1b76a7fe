/*
 * keys.c: for tests/scripts/terminals.py: names each key that is pressed, one at a time. "q" ends
 * it, "e" is an error.
 */
#include <asyncio.h>

static int name_keys(void)
{
    async_stream *in = async_stdin(), *out = async_stdout();
    async_auto_terminal_scope scope = {0};
    char key;
    int result;
    ASYNC_TRY(async_terminal_begin(&scope, 0, ASYNC_TERMINAL_CHARACTERS));
    ASYNC_TRY(async_stream_printf(out, "ready\n"));
    while ((result = async_stream_read(in, &key, 1)) > 0 && key != 'q') {
        if (key == 'e')
            return async_fail(-EIO, "the key of errors");
        ASYNC_TRY(async_stream_printf(out, "key %c\n", key));
    }
    return result < 0 ? result : 0;
}
async_fn(name_keys);

int main(void)
{
    return async_main(name_keys);
}
