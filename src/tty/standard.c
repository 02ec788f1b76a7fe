/*
 * tty/standard.c: descriptors 0, 1 and 2 as streams. Each belongs to one loop of the process at a
 * time, until that loop ends.
 *
 * Invariant: only the loop in owners[fd] touches records[fd].
 */
#include "net/stream.h"
#include "proc/process.h"
#include "sched/current.h"
#include "tty/standard.h"
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

enum { STANDARD_STREAMS = 3 };

struct standard_stream {
    struct close_hook ending;
    struct async_loop *loop;
    struct async_stream *stream; /* NULL: the program has closed it */
    int fd;
};

static _Atomic(struct async_loop *) owners[STANDARD_STREAMS]; /* NULL: no loop */
static struct standard_stream *records[STANDARD_STREAMS];

/* The owner is a loop of the parent, which this process does not run. */
static void disown_in_child(void)
{
    for (int fd = 0; fd < STANDARD_STREAMS; fd++)
        atomic_store(&owners[fd], NULL);
}

/* Sends what is pending, for as long as the reader takes something. */
static void send_pending(struct async_stream *stream)
{
    struct async_transport *transport = stream_transport(stream);
    int result = 0;
    asyncp_transport_flush(transport);
    while (result == 0 && transport_pending(transport) > 0)
        result = asyncp_transport_wait_writable(transport, "async_create_subprocess_exec");
}

/* A program that is started now writes to the same files behind this program's output. */
static void send_before_start(struct async_loop *loop)
{
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++)
        if (atomic_load(&owners[fd]) == loop && records[fd]->stream != NULL)
            send_pending(records[fd]->stream);
}

__attribute__((constructor)) static void install_hooks(void)
{
    pthread_atfork(NULL, NULL, disown_in_child);
    asyncp_before_start = send_before_start;
}

/* In a child of fork() another loop may have the descriptor by now. */
static void drop_standard(struct standard_stream *standard)
{
    int fd = standard->fd;
    list_remove(&standard->ending.link);
    if (atomic_load(&owners[fd]) == standard->loop) {
        records[fd] = NULL;
        atomic_store(&owners[fd], NULL);
    }
    memory_free(&standard->loop->memory, standard, sizeof *standard);
}

static void end_with_loop(struct close_hook *hook)
{
    struct standard_stream *standard = CONTAINER_OF(hook, struct standard_stream, ending);
    async_stream_close(standard->stream);
    drop_standard(standard);
}

/* Makes it the loop's until the loop ends. */
static int claim(struct async_loop *loop, int fd)
{
    struct async_loop *owner = NULL;
    struct standard_stream *standard = memory_new(&loop->memory, sizeof *standard);
    if (standard == NULL)
        return -ENOMEM;
    if (!atomic_compare_exchange_strong(&owners[fd], &owner, loop)) {
        memory_free(&loop->memory, standard, sizeof *standard);
        return async_fail(-EBUSY, "descriptor %d: another loop has its stream", fd);
    }
    *standard = (struct standard_stream){.ending.on_close = end_with_loop, .loop = loop, .fd = fd};
    loop_add_ending(loop, &standard->ending);
    records[fd] = standard;
    return 0;
}

static int open_standard(struct standard_stream *standard)
{
    int fd = standard->fd;
    enum side side = fd == STDIN_FILENO ? SIDE_READ : SIDE_WRITE;
    int result = asyncp_stream_adopt(standard->loop, &standard->stream, fd, side, true);
    if (result < 0) {
        drop_standard(standard);
        return result;
    }
    asyncp_stream_link(standard->stream, &standard->stream);
    asyncp_stream_set_patient(standard->stream);
    return 0;
}

int asyncp_standard_stream(struct async_loop *loop, int fd, async_stream **stream)
{
    if (atomic_load(&owners[fd]) != loop)
        ASYNC_TRY(claim(loop, fd));
    if (records[fd]->stream == NULL)
        ASYNC_TRY(open_standard(records[fd]));
    *stream = records[fd]->stream;
    return 0;
}

static async_stream *stream_or_null(int fd, const char *call)
{
    async_stream *stream = NULL;
    asyncp_check_inherited(call);
    ENSURE(asyncp_current != NULL, "%s was called where there is no loop", call);
    async_ignore(asyncp_standard_stream(asyncp_current, fd, &stream));
    return stream;
}

async_stream *async_stdin(void)
{
    return stream_or_null(STDIN_FILENO, "async_stdin");
}

async_stream *async_stdout(void)
{
    return stream_or_null(STDOUT_FILENO, "async_stdout");
}

async_stream *async_stderr(void)
{
    return stream_or_null(STDERR_FILENO, "async_stderr");
}
