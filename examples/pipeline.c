/*
 * pipeline: runs commands as a shell does with bars between them, and prints how each has ended.
 *
 *     pipeline 'yes' 'head -3' 'cat -n'
 *
 * The commands are in one process group. The exit status is that of the last command.
 */
#include <asyncio.h>
#include <asyncio/terminal.h>
#include <stdio.h>
#include <sys/wait.h>

enum { MAX_COMMANDS = 64, FAILED = 125 };

struct pipeline {
    async_process *processes[MAX_COMMANDS];
    int count;
};

/* Starts a command between two descriptors; 0: ours. */
static int start(struct pipeline *pipeline, const char *command, int in, int out)
{
    const pid_t group = pipeline->count > 0 ? async_process_pid(pipeline->processes[0]) : 0;
    const async_process_options options = {
        .in = in, .out = out, .own_group = group == 0, .join_group = group};
    ASYNC_TRY(
        async_create_subprocess_shell(&pipeline->processes[pipeline->count], &options, command));
    pipeline->count++;
    return 0;
}

static void close_end(int fd)
{
    if (fd > 0)
        async_close(fd);
}

/* We close the ends of a pipe as soon as the commands have them: else no command sees an end. */
static int start_all(struct pipeline *pipeline, char **commands, int count)
{
    int in = 0;
    for (int i = 0; i < count; i++) {
        int ends[2] = {0, 0}; /* the last command has our standard output */
        int result = i + 1 < count ? async_pipe(ends) : 0;
        if (result == 0)
            result = start(pipeline, commands[i], in, ends[1]);
        close_end(in);
        close_end(ends[1]);
        in = ends[0];
        if (result < 0) {
            close_end(in);
            return result;
        }
    }
    return 0;
}

static int wait_for_all(const struct pipeline *pipeline, char **commands)
{
    int status = 0;
    for (int i = 0; i < pipeline->count; i++) {
        char text[64];
        ASYNC_TRY(status = async_process_wait(pipeline->processes[i]));
        async_strstatus(status, text, sizeof text);
        fprintf(stderr, "%s: %s\n", commands[i], text);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : FAILED;
}

/* The first command leads the group, so freeing it ends all. */
static void free_all(struct pipeline *pipeline)
{
    for (int i = pipeline->count - 1; i >= 0; i--)
        async_process_free_wait(pipeline->processes[i]);
}

static int run(char **commands, int count)
{
    ASYNC_CLEANUP(free_all) struct pipeline pipeline = {.count = 0};
    ASYNC_TRY(start_all(&pipeline, commands, count));
    return wait_for_all(&pipeline, commands);
}
async_fn(run, char **, int);

int main(int argc, char **argv)
{
    if (argc < 2 || argc > MAX_COMMANDS) {
        fprintf(stderr, "usage: %s COMMAND...\n", argv[0]);
        return FAILED;
    }
    return async_main(run, argv + 1, argc - 1);
}
