/*
 * tty/input.c: questions to the user: a line from standard input, a password from the terminal.
 *
 * Invariant: a password is in the caller's memory only, and only after success.
 */
#include "io/retry.h"
#include "poll/poll.h"
#include "sys/file.h"
#include "sys/stream.h"
#include "sys/terminal.h"
#include "tty/standard.h"
#include <asyncio/stream_read.h>
#include <asyncio/stream_write.h>
#include <string.h>
#include <unistd.h>

/* ---- a line --------------------------------------------------------------------------------- */

static int write_prompt(struct async_loop *loop, const char *prompt)
{
    async_stream *out;
    if (prompt == NULL || *prompt == 0)
        return 0;
    ASYNC_TRY(asyncp_standard_stream(loop, STDOUT_FILENO, &out));
    ASYNC_TRY(async_stream_write(out, prompt, strlen(prompt)));
    return async_stream_drain(out);
}

int async_input(const char *prompt, char *line, size_t size)
{
    const char *input;
    async_stream *in;
    struct async_loop *loop = loop_enter("async_input");
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    if (line == NULL || size == 0)
        return async_fail(-EINVAL, "async_input: line is NULL, or size is 0");
    *line = 0;
    ASYNC_TRY(asyncp_standard_stream(loop, STDIN_FILENO, &in));
    ASYNC_TRY(write_prompt(loop, prompt));
    int length = async_stream_borrow_line(in, &input);
    if (length <= 0)
        return length < 0 ? length : async_fail(-ENODATA, "the input has ended");
    if (input[length - 1] == '\n')
        length--;
    if ((size_t)length >= size)
        return async_fail(-EMSGSIZE, "the line has more than %zu bytes", size - 1);
    memcpy(line, input, (size_t)length);
    line[length] = 0;
    return length;
}

/* ---- a password ----------------------------------------------------------------------------- */

static int write_to_terminal(struct retry *retry, int fd, const char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        size_t size = left;
        int result = asyncp_sys_stream_write(fd, text, &size, 0);
        if (result == -EAGAIN)
            result = asyncp_retry_wait(retry, fd, OPERATION_WRITABLE);
        else if (result > 0) {
            left -= (size_t)result;
            text += result;
        }
        if (result < 0)
            return result;
    }
    return 0;
}

/* Reads up to a newline, or to Ctrl-D. Its length without the newline. */
static int read_secret(struct retry *retry, int fd, char *line, size_t size)
{
    size_t length = 0;
    while (length < size) {
        size_t room = size - length;
        int result = asyncp_sys_stream_read(fd, line + length, &room, 0);
        if (result == -EAGAIN) {
            ASYNC_TRY(asyncp_retry_wait(retry, fd, OPERATION_READABLE));
            continue;
        }
        if (result <= 0)
            return result < 0 ? result : async_fail(-ENODATA, "async_getpass: the input has ended");
        length += (size_t)result;
        if (line[length - 1] == '\n') {
            line[length - 1] = 0;
            return (int)length - 1;
        }
    }
    return async_fail(-EMSGSIZE, "async_getpass: the line has more than %zu bytes", size - 1);
}

/* The user has typed the newline, which was not echoed. */
static int ask_secret(struct retry *retry, int fd, const char *prompt, char *line, size_t size)
{
    async_auto_terminal_scope scope = {0};
    ASYNC_TRY(async_terminal_begin(&scope, fd, ASYNC_TERMINAL_NO_ECHO));
    int result = write_to_terminal(retry, fd, prompt != NULL ? prompt : "");
    if (result == 0)
        result = read_secret(retry, fd, line, size);
    if (result < 0)
        asyncp_sys_flush_input(fd);
    size_t one = 1;
    async_ignore(asyncp_sys_stream_write(fd, "\n", &one, 0));
    return result;
}

int async_getpass(const char *prompt, char *line, size_t size)
{
    struct retry retry;
    if (line == NULL || size == 0)
        return async_fail(-EINVAL, "async_getpass: line is NULL, or size is 0");
    explicit_bzero(line, size);
    ASYNC_TRY(asyncp_retry_begin(&retry, "async_getpass"));
    int fd = asyncp_sys_open_terminal();
    if (fd < 0)
        return fd == -ENXIO ? async_fail(fd, "the process has no terminal") : fd;
    int result = ask_secret(&retry, fd, prompt, line, size);
    poller_close_fd(&retry.loop->poller, fd);
    if (result < 0)
        explicit_bzero(line, size);
    return result;
}
