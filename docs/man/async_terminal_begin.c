/*
 * async_terminal_begin.c: modes of terminals, and new terminals
 *
 * Pages: async_terminal_begin async_terminal_end async_terminal_scope async_terminal_mode
 * async_auto_terminal_scope async_terminal_size async_open_pty
 */
#include <asyncio.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Names each key that is pressed, up to q. */
static int name_keys(int terminal)
{
    async_auto_stream *keys = NULL;
    async_auto_terminal_scope scope = {
        0}; /* restores the terminal whatever happens */
    char key;
    ASYNC_TRY(
        async_terminal_begin(&scope, terminal, ASYNC_TERMINAL_CHARACTERS));
    ASYNC_TRY(async_connect_read_pipe(&keys, dup(terminal)));
    while (async_stream_read(keys, &key, 1) > 0 && key != 'q')
        printf("key %c\n", key);
    async_terminal_end(&scope); /* the block would do it, too */
    return 0;
}
async_fn(name_keys, int);

static int amain(void)
{
    const struct winsize size = {.ws_col = 80, .ws_row = 25};
    async_auto_stream *master = NULL;
    int slave, columns, rows;
    ASYNC_TRY(async_open_pty(&master, &slave, NULL, &size));
    ASYNC_TRY(async_terminal_size(slave, &columns, &rows));
    printf("%d columns, %d rows\n", columns, rows);
    async_task *task = async_create_task(name_keys, slave);
    ASYNC_TRY(async_sleep(0)); /* let it set the mode */
    ASYNC_TRY(async_stream_write(master, "abq", 3));
    ASYNC_TRY(async_await(task));
    return close(slave);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 80 columns, 25 rows
 * key a
 * key b
 */
