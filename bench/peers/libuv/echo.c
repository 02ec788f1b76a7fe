/*
 * echo.c: bench-echo's server on libuv: one buffer for all reads, which is sent back (uv_try_write)
 * before the next read. Only bytes that the kernel does not accept then are copied and queued.
 */
#include <server.h>

#include <signal.h>
#include <stdbool.h>
#include <uv.h>

static char buffer[65536];
static uv_loop_t *loop;

/* The unsent rest of a read. */
struct rest {
    uv_write_t request; /* first: a pointer to it is a pointer to the struct */
    char bytes[];
};

static void free_client(uv_handle_t *client)
{
    free(client);
}

static void give_buffer(uv_handle_t *client, size_t suggested, uv_buf_t *result)
{
    (void)client, (void)suggested;
    *result = uv_buf_init(buffer, sizeof buffer);
}

static void free_rest(uv_write_t *request, int status)
{
    if (status < 0 && !uv_is_closing((uv_handle_t *)request->handle))
        uv_close((uv_handle_t *)request->handle, free_client);
    free(request);
}

static void queue(uv_stream_t *client, const char *bytes, size_t count)
{
    struct rest *rest = malloc(sizeof *rest + count);
    if (rest == NULL)
        bench_die("libuv", "no memory");
    memcpy(rest->bytes, bytes, count);
    uv_buf_t whole = uv_buf_init(rest->bytes, (unsigned)count);
    if (uv_write(&rest->request, client, &whole, 1, free_rest) < 0)
        bench_die("libuv", "uv_write");
}

/* All queued bytes have been sent. */
static void finish(uv_shutdown_t *request, int status)
{
    (void)status;
    if (!uv_is_closing((uv_handle_t *)request->handle))
        uv_close((uv_handle_t *)request->handle, free_client);
    free(request);
}

static void end_client(uv_stream_t *client, bool in_order)
{
    uv_shutdown_t *request = in_order ? malloc(sizeof *request) : NULL;
    if (request == NULL || uv_shutdown(request, client, finish) < 0) {
        free(request);
        uv_close((uv_handle_t *)client, free_client);
    }
}

static void echo(uv_stream_t *client, ssize_t got, const uv_buf_t *read)
{
    if (got > 0) {
        uv_buf_t whole = uv_buf_init(read->base, (unsigned)got);
        int sent = uv_try_write(client, &whole, 1);
        if (sent < got)
            queue(client, read->base + (sent < 0 ? 0 : sent),
                  (size_t)(got - (sent < 0 ? 0 : sent)));
    } else if (got < 0 && !uv_is_closing((uv_handle_t *)client)) {
        end_client(client, got == UV_EOF);
    }
}

static void accept_one(uv_stream_t *listening, int status)
{
    uv_tcp_t *client = malloc(sizeof *client);
    if (status < 0 || client == NULL || uv_tcp_init(loop, client) < 0 ||
        uv_accept(listening, (uv_stream_t *)client) < 0 || uv_tcp_nodelay(client, 1) < 0 ||
        uv_read_start((uv_stream_t *)client, give_buffer, echo) < 0)
        bench_die("libuv", "cannot accept");
}

static void end(uv_poll_t *input, int status, int events)
{
    (void)input, (void)status, (void)events;
    exit(0);
}

int main(void)
{
    uv_tcp_t listening;
    uv_poll_t input;
    signal(SIGPIPE, SIG_IGN);
    loop = uv_default_loop();
    uv_tcp_init(loop, &listening);
    uv_tcp_open(&listening, server_listen());
    uv_poll_init(loop, &input, 0);
    uv_poll_start(&input, UV_READABLE | UV_DISCONNECT, end);
    if (uv_listen((uv_stream_t *)&listening, SERVER_BACKLOG, accept_one) < 0)
        bench_die("libuv", "cannot listen");
    return uv_run(loop, UV_RUN_DEFAULT);
}
