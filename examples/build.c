/*
 * build: runs the commands of a compile_commands.json, so many at a time, and shows how far it is.
 *
 *     build -j4 build/compile_commands.json
 *
 * A command that fails stops the build; with -k the others go on. Ctrl-C ends the running commands
 * and whatever they have started. The exit status is 0 if all commands have succeeded.
 *
 * On a terminal one line shows the progress and is overwritten. The output of a command is printed
 * in one piece when it has ended.
 */
#include <asyncio.h>
#include <asyncio/terminal.h>
#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_INPUT = 64 << 20, DEFAULT_COLUMNS = 80, FAILED = 1, USAGE = 2 };

struct command {
    char *directory, *line, *file; /* in the text of the input */
};

struct build {
    struct command *commands;
    size_t count, done, failed;
    bool keeps_going;
    bool on_terminal;
    int jobserver[2];
    size_t jobserver_fds; /* 2, or 0: there is none */
};

/* ---- compile_commands.json ------------------------------------------------------------------ */

/* The character of an escape; 0: there is no such escape, or one that compilers do not write. */
static char unescape(char escape)
{
    static const char escapes[] = "\"\\/nt", meanings[] = "\"\\/\n\t";
    const char *found = escape != 0 ? strchr(escapes, escape) : NULL;
    return found != NULL ? meanings[found - escapes] : 0;
}

/* Decodes the string at *text in place, and moves *text behind it. NULL: there is no string. */
static char *parse_string(char **text)
{
    if (**text != '"')
        return NULL;
    char *from = *text + 1, *to = from, *start = from;
    for (; *from != '"'; from++) {
        char decoded = *from == '\\' ? unescape(*++from) : *from;
        if (decoded == 0)
            return NULL;
        *to++ = decoded;
    }
    *to = 0;
    *text = from + 1;
    return start;
}

static void skip_blanks(char **text)
{
    while (isspace((unsigned char)**text))
        ++*text;
}

/* Moves *text behind the character, if it is next. */
static bool accept(char **text, char wanted)
{
    skip_blanks(text);
    if (**text != wanted)
        return false;
    ++*text;
    skip_blanks(text);
    return true;
}

/* {"directory": "…", "command": "…", "file": "…"}; other members must be strings as well. */
static bool parse_command(char **text, struct command *command)
{
    *command = (struct command){0};
    if (!accept(text, '{'))
        return false;
    do {
        const char *name = parse_string(text);
        char *value = name != NULL && accept(text, ':') ? parse_string(text) : NULL;
        if (value == NULL)
            return false;
        if (strcmp(name, "directory") == 0)
            command->directory = value;
        else if (strcmp(name, "command") == 0)
            command->line = value;
        else if (strcmp(name, "file") == 0)
            command->file = value;
    } while (accept(text, ','));
    return accept(text, '}') && command->directory != NULL && command->line != NULL &&
           command->file != NULL;
}

static int parse_commands(char *text, struct build *build)
{
    size_t capacity = 0;
    bool is_valid = accept(&text, '[');
    if (is_valid && accept(&text, ']'))
        return 0;
    while (is_valid) {
        if (build->count == capacity) {
            capacity = capacity > 0 ? capacity * 2 : 64;
            struct command *grown = realloc(build->commands, capacity * sizeof *grown);
            if (grown == NULL)
                return -ENOMEM;
            build->commands = grown;
        }
        is_valid = parse_command(&text, &build->commands[build->count]);
        build->count += is_valid;
        if (!accept(&text, ','))
            break;
    }
    return is_valid && accept(&text, ']')
               ? 0
               : async_fail(-EINVAL, "the file is no compile_commands.json; after command %zu",
                            build->count);
}

static int read_text(const char *path, char **text)
{
    async_stream *stream;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return async_fail_errno(-errno, "open %s", path);
    int result = async_connect_read_pipe(&stream, fd);
    if (result < 0) {
        async_close(fd);
        return result;
    }
    result = async_stream_read_all(stream, text, MAX_INPUT);
    async_stream_close(stream);
    return result;
}

/* ---- the terminal --------------------------------------------------------------------------- */

/* One line that the next one overwrites. */
static int show_progress(const struct build *build, const char *file)
{
    int columns = DEFAULT_COLUMNS, rows;
    if (!build->on_terminal)
        return async_stream_printf(async_stdout(), "[%zu/%zu] %s\n", build->done, build->count,
                                   file);
    async_ignore(async_terminal_size(STDOUT_FILENO, &columns, &rows));
    int room = columns > 20 ? columns - 20 : 1;
    size_t length = strlen(file), skipped = length > (size_t)room ? length - (size_t)room : 0;
    return async_stream_printf(async_stdout(), "\r\033[K[%zu/%zu] %s", build->done, build->count,
                               file + skipped);
}

static int show_output(const struct build *build, const struct command *command,
                       const async_output *output, int result)
{
    const char *start = build->on_terminal ? "\r\033[K" : "";
    if (result < 0)
        ASYNC_TRY(async_stream_printf(async_stdout(), "%sFAILED: %s\n%s\n", start, command->file,
                                      command->line));
    else if (output->out_size > 0)
        ASYNC_TRY(async_stream_printf(async_stdout(), "%s%s\n", start, command->line));
    return async_stream_write(async_stdout(), output->out, output->out_size);
}

/* ---- GNU make's jobserver ------------------------------------------------------------------- */

/*
 * If make has started this program as a sub-make (the recipe begins with +), it passes two
 * descriptors of a pipe with one byte for each job. A make among our commands finds them in
 * MAKEFLAGS, too, and needs them open.
 */
static size_t find_jobserver(int fds[2])
{
    const char *flags = getenv("MAKEFLAGS");
    const char *found = flags != NULL ? strstr(flags, "--jobserver-auth=") : NULL;
    bool are_two = found != NULL && sscanf(found, "--jobserver-auth=%d,%d", &fds[0], &fds[1]) == 2;
    return are_two && fcntl(fds[0], F_GETFD) >= 0 && fcntl(fds[1], F_GETFD) >= 0 ? 2 : 0;
}

/* ---- the work ------------------------------------------------------------------------------- */

static int run_command(struct build *build, const struct command *command)
{
    const async_process_options options = {.in = ASYNC_DEVNULL,
                                           .out = ASYNC_PIPE,
                                           .err = ASYNC_STDOUT,
                                           .cwd = command->directory,
                                           .keep_fds = build->jobserver,
                                           .keep_fd_count = build->jobserver_fds,
                                           .own_group = true,
                                           .grace = 2};
    async_auto_output output = {0};
    int result = async_run_process(&options, &output, "/bin/sh", "-c", command->line);
    if (result == -ECANCELED)
        return result;
    build->done++;
    build->failed += result < 0;
    if (result < 0 || output.out_size > 0)
        ASYNC_TRY(show_output(build, command, &output, result));
    ASYNC_TRY(show_progress(build, command->file));
    ASYNC_TRY(async_stream_drain(async_stdout()));
    return build->keeps_going ? 0 : result;
}
async_fn(run_command, struct build *, const struct command *);

static int run_all(struct build *build, size_t at_once)
{
    ASYNC_TASK_GROUP_WITH(commands, .limit = at_once); /* the first failure ends the others */
    for (size_t i = 0; i < build->count; i++)
        if (async_group_create_task(&commands, run_command, build, &build->commands[i]) == NULL)
            return -ENOMEM;
    return async_group_wait(&commands);
}

static int run(const char *path, size_t at_once, bool keeps_going)
{
    struct build build = {.keeps_going = keeps_going, .on_terminal = isatty(STDOUT_FILENO) == 1};
    char *text = NULL;
    build.jobserver_fds = find_jobserver(build.jobserver);
    int result = read_text(path, &text);
    if (result >= 0)
        result = parse_commands(text, &build);
    if (result >= 0)
        result = run_all(&build, at_once);
    if (build.on_terminal && build.done > 0)
        async_ignore(async_stream_write(async_stdout(), "\n", 1));
    free(build.commands);
    free(text);
    return result < 0 ? result : build.failed > 0 ? FAILED : 0;
}
async_fn(run, const char *, size_t, bool);

int main(int argc, char **argv)
{
    long at_once = sysconf(_SC_NPROCESSORS_ONLN);
    bool keeps_going = false;
    for (int option; (option = getopt(argc, argv, "j:k")) != -1;) {
        if (option == 'j')
            at_once = atol(optarg);
        else if (option == 'k')
            keeps_going = true;
        else
            return USAGE;
    }
    if (optind + 1 != argc || at_once <= 0) {
        fprintf(stderr, "usage: %s [-k] [-j N] compile_commands.json\n", argv[0]);
        return USAGE;
    }
    return async_main(run, argv[optind], (size_t)at_once, keeps_going);
}
