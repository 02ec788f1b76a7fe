/*
 * chaos.c: a round: a connection, and at each side a task that starts readers and writers, cancels
 * some of them, puts the layer on, and ends its side in one of many ways at a random moment. A
 * side's task never waits for the other side before that moment, so a round ends; a side that ended
 * in order reads on or closes. chaos_oracle.c has the allowed results.
 */
#include "chaos.h"
#include "run/sockets.h"
#include "run/callbacks.h"
#include "run/coroutines.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { MAX_TASKS = 6, MAX_TURNS = 300, LIMIT_OF_TURNS = 20000 };

/* How a side ends. */
enum ending {
    FINISH,       /* its writers have written all; write_eof, reads to the end, wait_closed */
    HALF_CLOSE,   /* write_eof in the middle, reads to the end, close */
    CLOSE,        /* with tasks in the middle of calls */
    WAIT_CLOSED,  /* the same */
    CANCEL_CLOSE, /* wait_closed that is cancelled: the close goes on */
    ABORT,
    RESET,       /* SO_LINGER of 0, abort */
    RESET_LATER, /* the same, close */
    SHUTDOWN,    /* of the socket, behind the stream's back */
    CLOSE_CLIENTS,
    ABORT_CLIENTS,
    REST, /* reads nothing for a while, then CLOSE */
    ENDINGS
};

/* The tasks of a side that read and write. */
struct crew {
    struct side *side;
    async_task *tasks[MAX_TASKS]; /* NULL: none */
    bool reads[MAX_TASKS];        /* it is a reader */
};

struct stage {
    const struct chaos_kind *kind;
    async_server *at_port, *at_path; /* both serve the same */
    char path[64];                   /* of the latter */
    struct chaos_round *round;       /* that is played */
    async_event arrived;             /* its connection, at the server */
    async_event served;              /* the server's side has ended */
};

static struct stage stage;

/* ---- the crew ------------------------------------------------------------------------------- */

static int enter_read(struct side *side, uint32_t random)
{
    return chaos_read(side, random);
}
async_fn(enter_read, struct side *, uint32_t);

static int enter_write(struct side *side, uint32_t random)
{
    return chaos_write(side, random);
}
async_fn(enter_write, struct side *, uint32_t);

static bool is_at_work(const struct crew *crew, bool reads)
{
    for (int i = 0; i < MAX_TASKS; i++)
        if (crew->tasks[i] != NULL && crew->reads[i] == reads && !async_task_done(crew->tasks[i]))
            return true;
    return false;
}

/* Starts one, if there is a place. */
static void start(struct crew *crew, bool reads)
{
    const async_task_options with_buffer = {.stack_size = 256 * 1024};
    struct side *side = crew->side;
    uint32_t random = chaos_draw(&side->random, UINT32_MAX) | 1;
    for (int i = 0; i < MAX_TASKS; i++) {
        if (crew->tasks[i] != NULL)
            continue;
        crew->reads[i] = reads;
        crew->tasks[i] = reads ? async_create_task_with(&with_buffer, enter_read, side, random)
                               : async_create_task(enter_write, side, random);
        CHECK(crew->tasks[i] != NULL);
        return;
    }
}

/* Lets go of those that have ended, or, with `all`, waits for them. */
static void gather(struct crew *crew, bool all)
{
    for (int i = 0; i < MAX_TASKS; i++) {
        if (crew->tasks[i] == NULL || (!all && !async_task_done(crew->tasks[i])))
            continue;
        async_task *task = crew->tasks[i];
        crew->tasks[i] = NULL;
        CHECK_EQ(async_await(task), 0);
    }
}

static void cancel_some(struct crew *crew, uint32_t one_in)
{
    for (int i = 0; i < MAX_TASKS; i++)
        if (crew->tasks[i] != NULL && chaos_once_in(&crew->side->random, one_in))
            async_task_cancel(crew->tasks[i]);
}

/* Keeps readers and writers going; a second reader now and then, which is refused. */
static void keep_going(struct crew *crew)
{
    struct side *side = crew->side;
    gather(crew, false);
    if (side->stream == NULL)
        return;
    bool may_read = !side->in->over && !side->in->lost && side->in->got < side->in->limit;
    if (may_read && (!is_at_work(crew, true) || chaos_once_in(&side->random, 60)))
        start(crew, true);
    bool may_write = side->failed == 0 && !side->ended && side->out->uncertain == 0 &&
                     side->out->accepted < side->out->quota;
    if (may_write && (!is_at_work(crew, false) || chaos_once_in(&side->random, 60)))
        start(crew, false);
}

/* The actions that are possible at any time. */
static void meddle(struct crew *crew)
{
    struct side *side = crew->side;
    char text[120];
    if (side->stream == NULL)
        return;
    switch (chaos_draw(&side->random, 40)) {
    case 0:
    case 1:
        cancel_some(crew, 2);
        break;
    case 2: {
        size_t low = chaos_draw(&side->random, 20000);
        side->high = low + chaos_draw(&side->random, 50000);
        side->writes++;
        CHECK_EQ(async_stream_set_write_buffer_limits(side->stream, side->high, low), 0);
        break;
    }
    case 3:
        if (!side->aborted)
            CHECK(async_stream_local(side->stream, text, sizeof text) >= 0);
        break;
    case 4:
        if (async_stream_at_eof(side->stream))
            chaos_check_end(side, 0, "at_eof");
        break;
    default:
        break;
    }
}

static int turn(struct crew *crew)
{
    keep_going(crew);
    meddle(crew);
    return async_sleep(0);
}

/* ---- the middle ----------------------------------------------------------------------------- */

static int secure(struct side *side)
{
    return side->round->kind->secure(side->stream, side->serves);
}
async_fn(secure, struct side *);

/* Both directions are at the byte where the layer begins. No task reads or writes. */
static void put_layer_on(struct side *side)
{
    side->exclusive++;
    async_task *task = async_create_task(secure, side);
    bool cancelled = chaos_once_in(&side->random, 25);
    if (cancelled) {
        CHECK_EQ(async_sleep(0), 0);
        async_task_cancel(task);
    }
    int result = async_await(task);
    side->exclusive--;
    if (result < 0 && !(cancelled && result == -ECANCELED)) {
        unsigned during = DURING_READ | DURING_WRITE | DURING_SECURE;
        chaos_check_error(side, result, during, "secure");
    }
    side->secured = result == 0;
    side->broken = result < 0;
    side->out->quota = side->broken ? 0 : side->out->quota;
}

/*
 * Writes and reads the bytes in the clear, and puts the layer on; false: the connection ended
 * before that.
 */
static bool begin_layer(struct crew *crew, size_t quota)
{
    struct side *side = crew->side;
    struct flow *out = side->out, *in = side->in;
    for (int turns = 0; out->accepted < out->clear || in->got < in->clear; turns++) {
        bool is_stuck = side->failed != 0 || out->uncertain > 0 || in->over || side->aborted ||
                        side->hung_up;
        if (is_stuck || turns > LIMIT_OF_TURNS || chaos_once_in(&side->random, 2000)) {
            side->broken = true;
            return false;
        }
        CHECK_EQ(turn(crew), 0);
    }
    gather(crew, true);
    if (!side->broken)
        put_layer_on(side);
    if (side->broken)
        return false;
    out->quota = quota;
    in->limit = SIZE_MAX;
    return true;
}

/* ---- the end -------------------------------------------------------------------------------- */

static void note_cut(struct side *side)
{
    size_t pending = side->aborted ? SIZE_MAX : async_stream_pending(side->stream);
    size_t written = side->out->accepted;
    if (!side->shut)
        side->at_cut = pending < written ? written - pending : 0;
}

static void set_linger(struct side *side)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    if (side->aborted || !side->round->kind->is_tcp)
        return;
    CHECK_EQ(
        setsockopt(async_stream_fd(side->stream), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once),
        0);
    side->resets = true;
}

static void abort_side(struct side *side)
{
    if (!side->aborted)
        note_cut(side);
    side->aborted = true;
    async_stream_abort(side->stream);
}

/*
 * Two sides that close, each with more than the kernel takes, wait for each other until their close
 * timeout of 30 seconds: the second one aborts.
 */
static bool would_hang(const struct side *side)
{
    return side->other->closed && !side->other->aborted && side->other->at_close > 0 &&
           async_stream_pending(side->stream) > 0;
}

/* Takes the stream, for a call that closes it. */
static async_stream *give_up(struct side *side)
{
    async_stream *stream = side->stream;
    if (would_hang(side))
        abort_side(side);
    side->at_close = side->aborted ? 0 : async_stream_pending(stream);
    side->closed = true;
    side->ended = side->ended || !side->aborted;
    side->stream = NULL;
    return stream;
}

static int close_and_wait(struct side *side)
{
    side->wait_closed = async_stream_wait_closed(give_up(side));
    if (side->wait_closed != -ECANCELED)
        side->waited = true;
    if (side->wait_closed < 0)
        chaos_check_error(side, side->wait_closed, DURING_WRITE, "wait_closed");
    return 0;
}
async_fn(close_and_wait, struct side *);

static void wait_closed(struct side *side, bool cancelled)
{
    async_task *task = async_create_task(close_and_wait, side);
    CHECK_EQ(async_sleep(0), 0);
    if (cancelled) {
        CHECK_EQ(turns((int)chaos_draw(&side->random, 5)), 0);
        async_task_cancel(task);
    }
    CHECK_EQ(async_await(task), 0);
}

static void write_eof(struct side *side)
{
    int result = async_stream_write_eof(side->stream);
    side->writes++;
    if (result == 0)
        side->ended = true;
    else
        chaos_check_error(side, result, DURING_WRITE, "write_eof");
}

/* Reads until the end, or until a random moment. */
static void read_on(struct crew *crew)
{
    struct side *side = crew->side;
    uint32_t most = chaos_once_in(&side->random, 3) ? chaos_draw(&side->random, MAX_TURNS)
                                                    : UINT32_MAX;
    side->finishing = true;
    for (uint32_t i = 0; i < most && !side->in->over && !side->in->lost && !side->broken; i++) {
        keep_going(crew);
        if (side->in->got >= side->in->limit || chaos_once_in(&side->random, 200))
            CHECK_EQ(async_sleep(0), 0);
        else if (most == UINT32_MAX && i > 50)
            gather(crew, true); /* without its own turns, so that the loop waits in the kernel */
        else
            CHECK_EQ(async_sleep(0), 0);
    }
}

static void finish_writing(struct crew *crew)
{
    struct side *side = crew->side;
    while (side->failed == 0 && side->out->uncertain == 0 && !side->ended && !side->broken &&
           side->out->accepted < side->out->quota) {
        keep_going(crew);
        CHECK_EQ(async_sleep(0), 0);
    }
    for (int i = 0; i < LIMIT_OF_TURNS && side->exclusive > 0; i++)
        CHECK_EQ(async_sleep(0), 0);
}

/* Server calls are about all its connections; this is the only one. */
static void end_by_server(struct side *side, bool aborts)
{
    async_server *server = side->round->kind->is_tcp ? stage.at_port : stage.at_path;
    if (async_server_connections(server) == 0)
        return;
    CHECK_EQ(async_server_connections(server), 1);
    if (aborts) {
        note_cut(side);
        side->aborted = true;
        async_server_abort_clients(server);
        return;
    }
    side->hung_up = true;
    side->ended = true;
    async_server_close_clients(server);
}

static void end(struct crew *crew, enum ending ending)
{
    struct side *side = crew->side;
    switch (ending) {
    case FINISH:
        finish_writing(crew);
        write_eof(side);
        read_on(crew);
        wait_closed(side, false);
        return;
    case HALF_CLOSE:
        write_eof(side);
        read_on(crew);
        break;
    case WAIT_CLOSED:
    case CANCEL_CLOSE:
        wait_closed(side, ending == CANCEL_CLOSE);
        return;
    case RESET:
        set_linger(side);
        abort_side(side);
        break;
    case ABORT:
        abort_side(side);
        break;
    case RESET_LATER:
        set_linger(side);
        break;
    case SHUTDOWN:
        note_cut(side);
        if (!side->aborted && shutdown(async_stream_fd(side->stream), SHUT_WR) == 0)
            side->shut = true;
        break;
    case CLOSE_CLIENTS:
    case ABORT_CLIENTS:
        if (side->serves)
            end_by_server(side, ending == ABORT_CLIENTS);
        break;
    case REST:
        cancel_some(crew, 1);
        gather(crew, true);
        CHECK_EQ(turns((int)chaos_draw(&side->random, 2000)), 0);
        break;
    default:
        break;
    }
    for (uint32_t i = chaos_draw(&side->random, 2) * chaos_draw(&side->random, 20); i > 0; i--)
        CHECK_EQ(turn(crew), 0);
    async_stream_close(give_up(side));
}

/* ---- a round -------------------------------------------------------------------------------- */

static int act(struct side *side)
{
    struct crew crew = {.side = side};
    uint32_t turns = chaos_once_in(&side->random, 3) ? chaos_draw(&side->random, MAX_TURNS)
                                                     : chaos_draw(&side->random, 30);
    enum ending ending = (enum ending)chaos_draw(&side->random, ENDINGS);
    if (chaos_once_in(&side->random, 4))
        ending = FINISH;
    size_t quota = side->out->quota;
    if (side->round->kind->secure != NULL) {
        side->out->quota = side->out->clear;
        side->in->limit = side->in->clear;
        if (!begin_layer(&crew, quota))
            turns = 0;
    }
    for (; turns > 0 && side->stream != NULL; turns--)
        CHECK_EQ(turn(&crew), 0);
    end(&crew, ending);
    gather(&crew, true);
    return 0;
}
async_fn(act, struct side *);

/* Most are small; now and then more than the kernel holds, and nothing. */
static size_t draw_quota(uint32_t *random)
{
    uint32_t kind = chaos_draw(random, 10);
    return kind == 0  ? 0
           : kind < 6 ? chaos_draw(random, 5000)
           : kind < 9 ? chaos_draw(random, 100000)
                      : chaos_draw(random, CHAOS_MOST_BYTES);
}

static void prepare(struct chaos_round *round, uint32_t *random)
{
    for (int i = 0; i < 2; i++) {
        struct flow *flow = &round->flows[i];
        struct side *side = &round->sides[i];
        flow->origin = chaos_draw(random, CHAOS_TABLE_BYTES);
        flow->quota = draw_quota(random);
        flow->limit = SIZE_MAX;
        flow->clear = round->kind->secure == NULL || chaos_once_in(random, 2)
                          ? 0
                          : chaos_draw(random, 9000);
        flow->quota += flow->clear;
        *side = (struct side){.round = round,
                              .other = &round->sides[1 - i],
                              .out = flow,
                              .in = &round->flows[1 - i],
                              .serves = i == 1,
                              .high = 64 * 1024,
                              .random = chaos_draw(random, UINT32_MAX) | 1};
    }
}

/*
 * Some send buffers are so small that most bytes wait in the stream. Not the receive buffers: a TCP
 * socket that is closed while its window is shut holds its peer's last bytes for a minute.
 */
static void narrow(struct side *side)
{
    const int few = 1;
    int fd = async_stream_fd(side->stream);
    if (chaos_once_in(&side->random, 4))
        CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &few, sizeof few), 0);
}

/* The server's side of a round that goes by a server. */
static int serve(async_stream *stream, void *unused)
{
    (void)unused;
    stage.round->sides[1].stream = stream;
    async_event_set(&stage.arrived);
    return async_event_wait(&stage.served);
}

static void connect_by_server(struct chaos_round *round)
{
    async_stream **stream = &round->sides[0].stream;
    stage.round = round;
    async_event_clear(&stage.arrived);
    async_event_clear(&stage.served);
    CHECK_EQ(round->kind->is_tcp ? async_open_connection(stream, "127.0.0.1",
                                                         async_server_port(stage.at_port), NULL)
                                 : async_open_unix_connection(stream, stage.path, NULL),
             0);
    CHECK_EQ(async_event_wait(&stage.arrived), 0);
}

static void connect_pair(struct chaos_round *round)
{
    struct sockets pair = round->kind->is_tcp ? tcp_sockets() : unix_sockets(SOCK_STREAM);
    CHECK_EQ(async_stream_new(&round->sides[0].stream, pair.here), 0);
    CHECK_EQ(async_stream_new(&round->sides[1].stream, pair.there), 0);
}

static void play(struct chaos_round *round)
{
    uint32_t random = round->seed * 2654435761u | 1;
    char name[32];
    for (int i = 0; i < 5; i++)
        chaos_draw(&random, 2);
    prepare(round, &random);
    snprintf(name, sizeof name, "chaos, seed %u", round->seed); /* for the dump, if it hangs */
    CHECK_EQ(async_task_set_name(async_current_task(), name), 0);
    bool by_server = chaos_once_in(&random, 2);
    if (by_server)
        connect_by_server(round);
    else
        connect_pair(round);
    narrow(&round->sides[0]);
    narrow(&round->sides[1]);
    async_task *acts[] = {async_create_task(act, &round->sides[0]),
                          async_create_task(act, &round->sides[1])};
    CHECK_EQ(async_gather_n(acts, 2, NULL, ASYNC_FIRST_ERROR), 0);
    async_event_set(&stage.served);
    while (async_server_connections(stage.at_port) + async_server_connections(stage.at_path) > 0)
        CHECK_EQ(async_sleep(0), 0);
    chaos_check_round(round);
}

/* ---- the rounds ----------------------------------------------------------------------------- */

static int new_file(void)
{
    const char *bytes = chaos_bytes(&(struct flow){0}, 0);
    int file = memfd_create("chaos", MFD_CLOEXEC);
    CHECK(file >= 0);
    CHECK_EQ(write(file, bytes, CHAOS_TABLE_BYTES), CHAOS_TABLE_BYTES);
    CHECK_EQ(write(file, bytes, CHAOS_TABLE_BYTES), CHAOS_TABLE_BYTES);
    return file;
}

static uint32_t number_of(const char *name, uint32_t otherwise)
{
    const char *text = getenv(name);
    return text != NULL ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

int chaos_play(const struct chaos_kind *kind)
{
    struct chaos_round round;
    uint32_t first = number_of("CHAOS_SEED", 1),
             count = number_of("CHAOS_ROUNDS", (uint32_t)kind->fewest_rounds);
    int file = new_file();
    stage = (struct stage){.kind = kind};
    snprintf(stage.path, sizeof stage.path, "@libasyncio-chaos-%d", (int)getpid());
    CHECK_EQ(async_start_server(&stage.at_port, serve, NULL, "127.0.0.1", 0, NULL), 0);
    CHECK_EQ(async_start_unix_server(&stage.at_path, serve, NULL, stage.path, NULL), 0);
    async_loop_set_exception_handler(async_get_loop(), fail_on_exception, NULL);
    for (uint32_t i = 0; i < count; i++) {
        round = (struct chaos_round){.kind = kind, .seed = first + i, .file = file};
        play(&round);
    }
    async_server_free_wait(stage.at_port);
    async_server_free_wait(stage.at_path);
    close(file);
    return 0;
}
