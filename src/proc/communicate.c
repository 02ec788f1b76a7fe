/*
 * proc/communicate.c: input to and output from a process at the same time, and programs that are
 * run to their end. Output that has come belongs to the process, so a call that was cancelled can
 * be made again and loses nothing.
 */
#include "proc/process.h"
#include "sched/current.h"
#include <asyncio/group.h>
#include <asyncio/stream_read.h>
#include <asyncio/stream_write.h>
#include <asyncio/time.h>
#include <stdio.h>

enum { WRITTEN_AT_ONCE = 64 * 1024, MESSAGE_BYTES = 256 };

/* ---- the tasks of a conversation ------------------------------------------------------------ */

struct conversation {
    struct async_process *process;
    async_task_group *tasks;
    async_task *lingering; /* NULL: there is no limit */
    int pipes_left;
    bool lingered;     /* the limit has expired */
    bool keeps_output; /* the caller wants it */
    const char *input;
    size_t input_size;
};

/* Without pipes there is nothing to linger for. */
static void end_pipe(struct conversation *conversation, struct async_stream *stream)
{
    async_stream_close(stream);
    if (--conversation->pipes_left == 0)
        async_task_cancel(conversation->lingering);
}

static int read_output(struct conversation *conversation, enum process_pipe number)
{
    struct async_process *process = conversation->process;
    struct captured *captured = number == PIPE_OUT ? &process->communication.out
                                                   : &process->communication.err;
    for (struct async_stream *stream; (stream = process->pipes[number]) != NULL;) {
        const char *data;
        int size, result = 0;
        ASYNC_TRY(size = async_stream_peek(stream, &data, 1));
        if (size == 0)
            end_pipe(conversation, stream);
        else if (conversation->keeps_output)
            result = asyncp_capture(captured, data, (size_t)size, process->limit);
        ASYNC_TRY(result); /* what is not captured stays in the stream */
        if (size > 0)
            async_stream_consume(stream, (size_t)size);
    }
    return 0;
}
async_fn(read_output, struct conversation *, enum process_pipe);

static bool peer_has_gone(int error)
{
    return error == -EPIPE || error == -ECONNRESET;
}

static int write_input(struct conversation *conversation)
{
    struct async_process *process = conversation->process;
    size_t *written = &process->communication.input_written;
    while (*written < conversation->input_size) {
        struct async_stream *stream = process->pipes[PIPE_IN];
        if (stream == NULL)
            return async_fail(-EBADF, "the input of %s was closed before all was written",
                              process->name);
        size_t size = conversation->input_size - *written;
        size = size < WRITTEN_AT_ONCE ? size : WRITTEN_AT_ONCE;
        int result = async_stream_write(stream, conversation->input + *written, size);
        if (result == 0) {
            *written += size;
            result = async_stream_drain(stream);
        }
        if (peer_has_gone(result))
            *written = conversation->input_size;
        else
            ASYNC_TRY(result);
    }
    if (process->pipes[PIPE_IN] != NULL)
        end_pipe(conversation, process->pipes[PIPE_IN]);
    return 0;
}
async_fn(write_input, struct conversation *);

/* The process has ended; another one that has its pipes may keep them open. */
static int linger(struct conversation *conversation)
{
    int status = async_process_wait(conversation->process);
    if (status < 0 && status != -ECHILD)
        return status;
    ASYNC_TRY(async_sleep(conversation->process->linger));
    conversation->lingered = true;
    async_group_cancel(conversation->tasks);
    return 0;
}
async_fn(linger, struct conversation *);

static int converse(struct conversation *conversation)
{
    struct async_process *process = conversation->process;
    ASYNC_TASK_GROUP(tasks);
    conversation->tasks = &tasks;
    for (int i = 0; i < PIPES; i++)
        conversation->pipes_left += process->pipes[i] != NULL;
    if (process->linger > 0 && conversation->pipes_left > 0)
        conversation->lingering = async_group_create_task(&tasks, linger, conversation);
    if (process->pipes[PIPE_IN] != NULL)
        async_group_create_task(&tasks, write_input, conversation);
    if (process->pipes[PIPE_OUT] != NULL)
        async_group_create_task(&tasks, read_output, conversation, PIPE_OUT);
    if (process->pipes[PIPE_ERR] != NULL)
        async_group_create_task(&tasks, read_output, conversation, PIPE_ERR);
    return async_group_wait(&tasks);
}

/* 0; -ENOMEM: nothing was taken. */
static int take_output(struct async_process *process, async_output *output)
{
    struct communication *communication = &process->communication;
    output->cut = communication->out.cut || communication->err.cut;
    /* both or none: what is taken once is not there for another call */
    ASYNC_TRY(asyncp_captured_reserve(&communication->out));
    ASYNC_TRY(asyncp_captured_reserve(&communication->err));
    if (process->had_pipe[PIPE_OUT])
        ASYNC_TRY(asyncp_captured_take(&communication->out, &output->out, &output->out_size));
    if (process->had_pipe[PIPE_ERR])
        ASYNC_TRY(asyncp_captured_take(&communication->err, &output->err, &output->err_size));
    return 0;
}

/* All pipes are at their end, or the process was freed. The status, or an error. */
static int finish_conversation(const struct conversation *conversation, async_output *output)
{
    struct async_process *process = conversation->process;
    int status = process->is_freed ? -ECANCELED : async_process_wait(process);
    if (process->is_freed)
        return async_fail(-ECANCELED, "the process was freed");
    if (output == NULL || (status < 0 && status != -ECHILD))
        return status;
    ASYNC_TRY(take_output(process, output));
    output->open = conversation->lingered;
    return status;
}

int async_process_communicate(async_process *process, const void *input, size_t size,
                              async_output *output)
{
    static const char call[] = "async_process_communicate";
    struct async_loop *loop = loop_enter(call);
    struct conversation conversation = {
        .process = process, .input = input, .input_size = size, .keeps_output = output != NULL};
    asyncp_process_check(process, call);
    if (input == NULL && size > 0)
        return async_fail(-EINVAL, "%s: input is NULL, but size is not 0", call);
    if (size > process->communication.input_written && process->pipes[PIPE_IN] == NULL)
        return async_fail(-EINVAL,
                          "%s: there is input, but no pipe for it (options.in), or it was "
                          "closed",
                          call);
    if (loop_running(loop)->cancel_pending)
        return asyncp_fail_cancelled(loop);
    if (process->is_communicating)
        return async_fail(-EBUSY, "%s: another task communicates with this process", call);
    asyncp_process_hold(process);
    process->is_communicating = true;
    int result = converse(&conversation);
    if (result == 0)
        result = finish_conversation(&conversation, output);
    process->is_communicating = false;
    asyncp_process_release(process);
    return result;
}

/* ---- a program from its start to its end ---------------------------------------------------- */

/* The last line of a text that is not empty, without its end. */
static const char *last_line(const char *text, size_t size, int *length)
{
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        size--;
    size_t start = size;
    while (start > 0 && text[start - 1] != '\n')
        start--;
    *length = size - start < MESSAGE_BYTES ? (int)(size - start) : MESSAGE_BYTES;
    return text + start;
}

/* Writes "git rev-parse HEAD", cut if it is long. */
static void write_command(const char *const argv[], char *text, size_t size)
{
    size_t length = 0;
    text[0] = 0;
    for (; *argv != NULL && length < size; argv++) {
        int written = snprintf(text + length, size - length, "%s%s", length > 0 ? " " : "", *argv);
        length += written > 0 ? (size_t)written : 0;
    }
}

static int explain_status(const char *const argv[], int status, const async_output *output)
{
    char command[MESSAGE_BYTES / 2], text[64];
    int length = 0;
    const char *line = output->err != NULL ? last_line(output->err, output->err_size, &length) : "";
    write_command(argv, command, sizeof command);
    async_strstatus(status, text, sizeof text);
    return async_fail(-ECHILD, "%s: %s%s%.*s", command, text, length > 0 ? ": " : "", length, line);
}

int asyncp_run_process(const async_process_options *given, async_output *output,
                       const char *const argv[])
{
    async_process_options options = given != NULL ? *given : (async_process_options){0};
    async_auto_output unwanted = {0};
    async_auto_wait_process *process = NULL;
    loop_enter("async_run_process");
    if (output != NULL && options.out == 0)
        options.out = ASYNC_PIPE;
    output = output != NULL ? output : &unwanted;
    ASYNC_TRY(asyncp_create_subprocess(&process, &options, argv));
    int status = async_process_communicate(process, NULL, 0, output);
    if (status < 0 && status != -ECHILD)
        async_ignore(take_output(process, output)); /* as far as it has come */
    return status > 0 ? explain_status(argv, status, output) : status;
}

int async_run_processv(const async_process_options *options, async_output *output,
                       char *const argv[])
{
    return asyncp_run_process(options, output, (const char *const *)argv);
}
