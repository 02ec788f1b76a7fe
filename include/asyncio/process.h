/*
 * asyncio/process.h: programs run by this one: starting them, talking to them, waiting for their
 * ends, and ending them.
 *
 *     async_auto_wait_process *make = NULL;
 *     ASYNC_TRY(async_create_subprocess_exec(&make, NULL, "make", "-j4"));
 *     int status = async_process_wait(make);
 *
 * Signals: SIGCHLD is not used. The kernel reports the end of each process by itself, so other code
 * of the program may start processes, ignore SIGCHLD, or call wait(-1). If that takes the status of
 * a process of this library, it is still right on Linux 6.15 and later; before, the status is
 * -ECHILD.
 *
 * The terminal: a process in our process group gets the terminal's Ctrl-C, as we do. With own_group
 * only we get it; ending the process is up to us then.
 */
#ifndef ASYNCIO_PROCESS_H
#define ASYNCIO_PROCESS_H

#include <asyncio/base.h>
#include <asyncio/stream.h>
#include <sys/types.h>

ASYNC_BEGIN_C

typedef struct async_process async_process;

/* A standard stream of the new process, in place of a descriptor. */
enum {
    ASYNC_PIPE = -1,    /* a pipe: async_process_stdin and its kin return our end */
    ASYNC_STDOUT = -2,  /* for err: the same as its standard output */
    ASYNC_DEVNULL = -3, /* /dev/null */
};

/*
 * Options of a process; {0} and NULL mean the defaults. Pointers and descriptors are borrowed for
 * the call.
 */
typedef struct async_process_options {
    /*
     * its standard streams: a blocking descriptor above 0, ASYNC_PIPE, ASYNC_STDOUT, ASYNC_DEVNULL;
     * 0: ours. To join two programs use async_pipe: streams of this library are non-blocking
     */
    int in, out, err;
    const char *cwd;        /* its working directory; NULL: ours */
    char *const *env;       /* its environment, ended by NULL; NULL: ours */
    const char *executable; /* the program, if it is not argv[0]; NULL: argv[0] */
    /* descriptors above 2 that stay open in it, under their numbers; all others are closed */
    const int *keep_fds;
    size_t keep_fd_count;
    bool keep_all_fds; /* all descriptors without FD_CLOEXEC stay open, as after exec(2) */
    bool own_group;    /* it leads a process group of its own, and is ended together with it */
    bool own_session;  /* it leads a session of its own, and so a group */
    bool terminal;     /* `in` becomes its controlling terminal; with own_session */
    bool outlives;     /* freeing the process does not end it */
    bool ends_with_us; /* it gets SIGKILL when this program ends, however that happens */
    pid_t join_group;  /* it joins this process group; 0: none */
    int stop_signal;   /* the first signal of async_process_stop; 0: SIGTERM */
    int pipe_size;     /* bytes of its pipes' buffers; 0: the kernel's default, 65536 */
    double grace;      /* seconds from the stop signal to SIGKILL when it is freed; 0: 5 */
    /* seconds that async_process_communicate reads on after the end; 0: to the end of the pipes */
    double linger;
    size_t limit;        /* bytes that async_process_communicate keeps of each pipe; 0: 64 MiB */
    const mode_t *umask; /* NULL: ours, as in the following */
    const uid_t *user;   /* alone it keeps our group and groups: set those, too */
    const gid_t *group;
    const gid_t *groups; /* its supplementary groups */
    size_t group_count;
    ASYNCP_RESERVED(8);
} async_process_options;

/*
 * int async_create_subprocess_exec(async_process **process, const async_process_options *options,
 *                                  const char *program, const char *argument, …)
 *
 * Starts a program with arguments. A program without a slash in its name is searched in the
 * directories of PATH, that of options->env if it is set. A relative path, also in PATH, is
 * relative to options->cwd. A script without #! is refused; async_create_subprocess_shell runs it.
 * options may be NULL.
 *
 * The new process has the default action for every signal; SIGINT, SIGQUIT and SIGHUP stay ignored
 * if they are. No signal is blocked in it.
 *
 * The loop runs on while the kernel loads the program. If the calling task is cancelled meanwhile,
 * the start is waited for, and its result counts.
 *
 * The caller owns *process and frees it with async_process_free_wait; after an error it is NULL.
 * Returns 0 when the program runs.
 * -ENOENT if the program or options->cwd does not exist; the message names it.
 * -EACCES if the program is not executable.
 * -EINVAL if the options contradict each other.
 * -ETXTBSY if a process has the program open for writing. It is tried for 0.1 seconds, in which
 * other starts wait, because a process between its fork and exec may have it only for a moment.
 * -EPERM also if options.pipe_size is above the system's limit.
 * -EAGAIN, -EMFILE, -EPERM or another error of fork(2), pipe(2), execve(2) if the kernel refuses.
 * Switches.
 */
#define async_create_subprocess_exec(process, options, ...)                                        \
    asyncp_create_subprocess((process), (options), ASYNCP_ARGUMENTS(__VA_ARGS__))

/*
 * Starts a program, as async_create_subprocess_exec does. argv is ended by NULL.
 *
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_create_subprocess_execv(async_process **process,
                                                       const async_process_options *options,
                                                       char *const argv[]);

/*
 * Runs a command with /bin/sh, otherwise as async_create_subprocess_exec. Text from others in a
 * command must be quoted.
 *
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_create_subprocess_shell(async_process **process,
                                                       const async_process_options *options,
                                                       const char *command);

/*
 * Waits until the process has ended. Any number of tasks may wait, any number of times.
 *
 * It does not wait for pipes. A process that writes to a full pipe ends only when the pipe is read.
 *
 * Returns the status as of waitpid(2), so 0 is success; see async_strstatus.
 * -ECHILD if the status is not known.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_process_wait(async_process *process);

/*
 * Returns the status of the process; -EINPROGRESS if it runs; -ECHILD if it is not known.
 * Never switches.
 */
ASYNC_API int async_process_returncode(const async_process *process);

/*
 * Writes a status as text, such as "exit status 2" or "killed by SIGSEGV, core dumped", into
 * text[0..size), and cuts it if it is longer.
 *
 * Returns the length of the whole text, as snprintf does.
 * Never switches.
 */
ASYNC_API int async_strstatus(int status, char *text, size_t size);

/*
 * Returns our end of the pipe to its standard input, borrowed; NULL if options.in is not ASYNC_PIPE
 * or the stream was closed. async_stream_close ends its input.
 *
 * Never switches.
 */
ASYNC_API async_stream *async_process_stdin(const async_process *process);

/*
 * Returns our end of the pipe from its standard output, borrowed; NULL if options.out is not
 * ASYNC_PIPE or the stream was closed.
 *
 * Never switches.
 */
ASYNC_API async_stream *async_process_stdout(const async_process *process);

/*
 * Returns our end of the pipe from its standard error, borrowed; NULL if options.err is not
 * ASYNC_PIPE or the stream was closed.
 *
 * Never switches.
 */
ASYNC_API async_stream *async_process_stderr(const async_process *process);

/*
 * The output of a process, from async_process_communicate; {0} at first. The caller owns the texts
 * and frees them with async_output_free, also before it is used again.
 */
typedef struct async_output {
    char *out, *err;           /* ended by a zero byte; NULL: the option is not ASYNC_PIPE */
    size_t out_size, err_size; /* bytes without the zero byte */
    bool cut; /* more than options.limit bytes came; the rest was read and dropped */
    /* output may be missing: options.linger has expired, and another process still has the pipe */
    bool open;
} async_output;

/*
 * Writes input[0..size) to the standard input of the process, closes that, reads its output until
 * the end, all at the same time, and waits until the process has ended. It is no error if the
 * process does not read all of its input. Only streams with ASYNC_PIPE take part.
 *
 * If the call fails, is cancelled or reaches a time limit, no output is lost: the next call with
 * the same input goes on where this one has stopped.
 *
 * Borrows input. output may be NULL: then the output is dropped.
 * Returns the status, as async_process_wait does.
 * -EINVAL if there is input but no pipe for it, or the pipe was closed.
 * -EBADF if another task has closed the pipe before all input was written.
 * -EBUSY if another task communicates with the process or uses its streams.
 * -ECANCELED also if the process was freed.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_process_communicate(async_process *process, const void *input,
                                                   size_t size, async_output *output);

/*
 * Frees the texts and clears the struct. NULL is ignored.
 *
 * Never switches.
 */
ASYNC_API void async_output_free(async_output *output);

/*
 * async_auto_output output = {0};
 *
 * Declares an output and frees it, with async_output_free, when the block is left.
 */
#define async_auto_output ASYNC_CLEANUP(async_output_free) async_output

/*
 * int async_run_process(const async_process_options *options, async_output *output,
 *                       const char *program, const char *argument, …)
 *
 * Runs a program until its end: async_create_subprocess_exec, async_process_communicate,
 * async_process_free_wait. If output is not NULL, options.out 0 means ASYNC_PIPE.
 *
 * If the calling task is cancelled, the program is ended as by async_process_stop, and output has
 * what it has written until then.
 *
 * If the program fails, output is filled too, and the message is such as "git fetch: exit status
 * 128: fatal: not a git repository": the last line of its standard error is added if options.err is
 * ASYNC_PIPE.
 *
 * Returns 0 if the program has ended with exit status 0; an error of async_create_subprocess_exec.
 * -ECHILD if it has ended with another status, or by a signal.
 * Switches.
 */
#define async_run_process(options, output, ...)                                                    \
    asyncp_run_process((options), (output), ASYNCP_ARGUMENTS(__VA_ARGS__))

/*
 * Runs a program, as async_run_process does. argv is ended by NULL.
 *
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_run_processv(const async_process_options *options,
                                            async_output *output, char *const argv[]);

/*
 * Returns the process id, also after the end.
 *
 * Never switches.
 */
ASYNC_API pid_t async_process_pid(const async_process *process);

/*
 * Returns a pidfd (see pidfd_open(2)), borrowed.
 *
 * Never switches.
 */
ASYNC_API int async_process_fd(const async_process *process);

/*
 * Sends a signal to the process, and never to another one with the same id.
 *
 * Returns 0; -ESRCH if it has ended; -EPERM; -EINVAL if there is no such signal.
 * Never switches.
 */
ASYNC_API int async_process_send_signal(async_process *process, int number);

/*
 * Sends a signal to all processes of the group of a process started with own_group or own_session.
 *
 * Returns 0, also if all of them have ended; -EPERM; -EINVAL if there is no such signal, or the
 * process shares our group; -ESRCH if another waiter has taken the status.
 * Never switches.
 */
ASYNC_API int async_process_send_signal_group(async_process *process, int number);

/*
 * Sends SIGTERM, as async_process_send_signal does.
 *
 * Never switches.
 */
ASYNC_API int async_process_terminate(async_process *process);

/*
 * Sends SIGKILL, as async_process_send_signal does.
 *
 * Never switches.
 */
ASYNC_API int async_process_kill(async_process *process);

/*
 * Ends the process: sends its stop signal, waits for its end, and sends SIGKILL if it has not ended
 * after `grace` seconds. With own_group or own_session both signals go to the whole group, and
 * SIGKILL also when only the process itself has ended.
 *
 * With grace 0 or less SIGKILL comes at once. It goes on if the calling task is cancelled or
 * reaches a time limit.
 *
 * Returns the status, as async_process_wait does.
 * -ECANCELED if another task frees or detaches the process.
 * -EINVAL if grace is not a number.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_process_stop(async_process *process, double grace);

/*
 * Frees the process. Its pipes are closed at once. Unless options.outlives is set, it is ended as
 * by async_process_stop with options.grace; of a group the rest, if it has ended itself.
 *
 * Tasks in async_process_wait get the status first. Tasks in other calls on it get -ECANCELED. In a
 * child of fork() only the memory is freed.
 *
 * Takes the process. NULL is ignored.
 * Switches.
 */
ASYNC_API void async_process_free_wait(async_process *process);

/*
 * Lets the process run on by itself; the library waits for its end in the background. Its pipes are
 * closed. If it ends when its loop does not exist any more, it stays a zombie until this program
 * starts another one or ends.
 *
 * Tasks in async_process_wait and other calls on it get -ECANCELED.
 *
 * Takes the process. NULL is ignored.
 * Never switches.
 */
ASYNC_API void async_process_detach(async_process *process);

static inline void asyncp_auto_wait_process(async_process **process)
{
    async_process_free_wait(*process);
}

/*
 * async_auto_wait_process *process = NULL;
 *
 * Declares a process and frees it, with async_process_free_wait, when the block is left.
 */
#define async_auto_wait_process ASYNC_CLEANUP(asyncp_auto_wait_process) async_process

/* For the macros: the same for arguments that are constant. */
ASYNC_API ASYNC_MUST int asyncp_create_subprocess(async_process **process,
                                                  const async_process_options *options,
                                                  const char *const argv[]);
ASYNC_API ASYNC_MUST int asyncp_run_process(const async_process_options *options,
                                            async_output *output, const char *const argv[]);

ASYNC_END_C

/* The arguments of a program, ended by NULL; they exist until the end of the full expression. */
#ifdef __cplusplus
template <size_t Count> const char *const *asyncp_arguments(const char *const (&&arguments)[Count])
{
    return arguments;
}
#define ASYNCP_ARGUMENTS(...) asyncp_arguments({__VA_ARGS__, nullptr})
#else
#define ASYNCP_ARGUMENTS(...)                                                                      \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#endif
#endif
