/*
 * tty/standard.c: descriptors 0, 1 and 2 as streams. Each belongs to one loop of the process at a
 * time, until that loop ends.
 *
 * Invariant: only the loop in owners[fd] touches records[fd].
 */
#include "net/stream.h"
#include "proc/process.h"
#include "sched/current.h"
#include <asyncio/terminal.h>
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

/* The loop's record of the descriptor; NULL: out of memory, or another loop has it. */
static struct standard_stream *find_record(struct async_loop *loop, int fd)
{
    struct async_loop *owner = NULL;
    if (atomic_load(&owners[fd]) == loop)
        return records[fd];
    struct standard_stream *standard = memory_new(&loop->memory, sizeof *standard);
    if (standard == NULL)
        return NULL;
    if (!atomic_compare_exchange_strong(&owners[fd], &owner, loop)) {
        memory_free(&loop->memory, standard, sizeof *standard);
        async_ignore(async_fail(-EBUSY, "descriptor %d: another loop has its stream", fd));
        return NULL;
    }
    *standard = (struct standard_stream){.ending.on_close = end_with_loop, .loop = loop, .fd = fd};
    loop_add_ending(loop, &standard->ending);
    records[fd] = standard;
    return standard;
}

static bool open_standard(struct standard_stream *standard)
{
    int fd = standard->fd;
    enum side side = fd == STDIN_FILENO ? SIDE_READ : SIDE_WRITE;
    if (asyncp_stream_adopt(standard->loop, &standard->stream, fd, side, true) < 0) {
        drop_standard(standard);
        return false;
    }
    asyncp_stream_link(standard->stream, &standard->stream);
    asyncp_stream_set_patient(standard->stream);
    return true;
}

static async_stream *standard_stream(int fd, const char *call)
{
    struct async_loop *loop = asyncp_current;
    asyncp_check_inherited(call);
    ENSURE(loop != NULL, "%s was called where there is no loop", call);
    struct standard_stream *standard = find_record(loop, fd);
    if (standard == NULL || (standard->stream == NULL && !open_standard(standard)))
        return NULL;
    return standard->stream;
}

async_stream *async_stdin(void)
{
    return standard_stream(STDIN_FILENO, "async_stdin");
}

async_stream *async_stdout(void)
{
    return standard_stream(STDOUT_FILENO, "async_stdout");
}

async_stream *async_stderr(void)
{
    return standard_stream(STDERR_FILENO, "async_stderr");
}
