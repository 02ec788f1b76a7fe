/*
 * supervise: keeps programs running, one command for each argument.
 *
 *     supervise 'web --port 8080' 'worker'
 *
 * A program that ends is started again after a pause, which doubles with each early end. SIGHUP,
 * SIGUSR1 and SIGUSR2 are passed on to all programs. SIGTERM and Ctrl-C end the programs: SIGTERM
 * to each with all it has started, and SIGKILL ten seconds later.
 */
#include <asyncio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_PROGRAMS = 64, USAGE = 2 };
static const double FIRST_PAUSE = 0.1, LONGEST_PAUSE = 60, SETTLED = 10, GRACE = 10; /* seconds */

static async_process *running[MAX_PROGRAMS]; /* NULL: it is not running now */

static int run_once(const char *command, size_t number)
{
    const async_process_options options = {.own_group = true, .grace = GRACE};
    async_auto_wait_process *process = NULL; /* leaving the function ends it */
    char text[64];
    ASYNC_TRY(async_create_subprocess_shell(&process, &options, command));
    running[number] = process;
    int status = async_process_wait(process);
    running[number] = NULL;
    ASYNC_TRY(status);
    async_strstatus(status, text, sizeof text);
    fprintf(stderr, "supervise: %s: %s\n", command, text);
    return 0;
}

static int keep_running(const char *command, size_t number)
{
    for (double pause = FIRST_PAUSE;;) {
        double began = async_time();
        int result = run_once(command, number);
        if (result == -ECANCELED)
            return result;
        if (result < 0)
            fprintf(stderr, "supervise: %s\n", async_strerror(result));
        if (async_time() - began >= SETTLED)
            pause = FIRST_PAUSE;
        ASYNC_TRY(async_sleep(pause));
        pause = pause * 2 < LONGEST_PAUSE ? pause * 2 : LONGEST_PAUSE;
    }
}
async_fn(keep_running, const char *, size_t);

static void pass_on(int number)
{
    for (size_t i = 0; i < MAX_PROGRAMS; i++)
        if (running[i] != NULL)
            async_ignore(async_process_send_signal(running[i], number));
}

static int supervise(char **commands, size_t count)
{
    async_auto_signals *signals = NULL;
    ASYNC_TRY(async_signals_new(&signals, SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2));
    ASYNC_TASK_GROUP(programs);
    for (size_t i = 0; i < count; i++)
        if (async_group_create_task(&programs, keep_running, commands[i], i) == NULL)
            return -ENOMEM;
    for (;;) {
        int number;
        ASYNC_TRY(number = async_signals_next(signals));
        if (number == SIGTERM || number == SIGINT)
            break;
        pass_on(number);
    }
    async_group_cancel(&programs);
    return async_group_wait(&programs);
}
async_fn(supervise, char **, size_t);

int main(int argc, char **argv)
{
    if (argc < 2 || argc > MAX_PROGRAMS) {
        fprintf(stderr, "usage: %s COMMAND...\n", argv[0]);
        return USAGE;
    }
    return async_main(supervise, argv + 1, (size_t)argc - 1);
}
