/*
 * exporter.c: an echo server that tells Prometheus about itself: `exporter 7777 9100`, then
 * `curl localhost:9100/metrics`. Ctrl-C ends it.
 *
 * The metrics are served by the loop that they describe: if it is held for long, the answer comes
 * late, and says so. A program with loops on several threads needs one such server; its answer has
 * all of them.
 */
#include <asyncio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_HEAD = 8192, FIRST_SIZE = 16384 };

static int echo(async_stream *stream, void *unused)
{
    const char *data;
    int size;
    (void)unused;
    while ((size = async_stream_borrow(stream, &data)) > 0) {
        ASYNC_TRY(async_stream_write(stream, data, (size_t)size));
        ASYNC_TRY(async_stream_drain(stream));
    }
    return size;
}

static void free_text(char **text)
{
    free(*text);
}

/* The metrics may need more room from one call to the next one. */
static int allocate_metrics(char **text)
{
    int length = FIRST_SIZE, size;
    do {
        size = length + 1;
        char *larger = realloc(*text, (size_t)size);
        if (larger == NULL)
            return -ENOMEM;
        *text = larger;
        ASYNC_TRY(length = async_metrics_text(larger, (size_t)size));
    } while (length >= size);
    return length;
}

static int send_metrics(async_stream *stream)
{
    ASYNC_CLEANUP(free_text) char *text = NULL;
    int length;
    ASYNC_TRY(length = allocate_metrics(&text));
    ASYNC_TRY(async_stream_printf(stream,
                                  "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
                                  "Content-Length: %d\r\nConnection: close\r\n\r\n",
                                  length));
    ASYNC_TRY(async_stream_write(stream, text, (size_t)length));
    return async_stream_drain(stream);
}

static int answer(async_stream *stream, void *unused)
{
    char head[MAX_HEAD];
    (void)unused;
    ASYNC_TRY(async_timeout(10, async_stream_readuntil(stream, head, sizeof head, "\r\n\r\n")));
    if (strncmp(head, "GET /metrics ", strlen("GET /metrics ")) == 0)
        return send_metrics(stream);
    ASYNC_TRY(async_stream_printf(
        stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"));
    return async_stream_drain(stream);
}

static int amain(int port, int metrics_port)
{
    async_auto_wait_server *server = NULL, *metrics = NULL;
    ASYNC_TRY(async_start_server(&server, echo, NULL, NULL, port, NULL));
    ASYNC_TRY(async_start_server(&metrics, answer, NULL, "localhost", metrics_port, NULL));
    printf("listening at port %d\nmetrics at port %d\n", async_server_port(server),
           async_server_port(metrics));
    fflush(stdout);
    return async_server_serve_forever(server);
}
async_fn(amain, int, int);

int main(int count, char **arguments)
{
    int port = count > 1 ? atoi(arguments[1]) : 7777;
    return async_main(amain, port, count > 2 ? atoi(arguments[2]) : 9100);
}
