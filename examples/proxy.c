/*
 * proxy.c: forwards TCP connections: `proxy 8080 example.com 80`, then `curl localhost:8080`. Each
 * direction is a task. The end of one direction is forwarded; the connection ends with both. -c
 * certificate.pem: TLS for clients; -t: TLS to the target.
 */
#include <asyncio.h>
#include <asyncio/tls.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct settings {
    int port;
    const char *host;
    int host_port;
    const char *certificate; /* a PEM file with its key; NULL: no TLS for clients */
    const char *ca;          /* a PEM file; NULL: the system's */
    bool target_is_secure;
};

struct target {
    const char *host;
    int port;
    async_tls *tls; /* NULL: no TLS to the target */
};

static int forward(async_stream *from, async_stream *to)
{
    const char *data;
    int size;
    while ((size = async_stream_borrow(from, &data)) > 0) {
        ASYNC_TRY(async_stream_write(to, data, (size_t)size));
        ASYNC_TRY(async_stream_drain(to)); /* waits while the other side reads too slowly */
    }
    return size < 0 ? size : async_stream_write_eof(to);
}
async_fn(forward, async_stream *, async_stream *);

static int serve(async_stream *client, void *argument)
{
    const struct target *target = argument;
    const async_connection_options options = {.tls = target->tls};
    async_auto_stream *server = NULL;
    ASYNC_TRY(async_open_connection(&server, target->host, target->port, &options));
    ASYNC_TASK_GROUP(group); /* an error of one direction cancels the other */
    async_group_create_task(&group, forward, client, server);
    async_group_create_task(&group, forward, server, client);
    return async_group_wait(&group);
}

static int amain(struct settings *settings)
{
    async_auto_tls *ours = NULL, *theirs = NULL;
    async_tls_options options = {.certificate = settings->certificate};
    if (settings->certificate != NULL)
        ASYNC_TRY(async_tls_server_new(&ours, &options));
    options = (async_tls_options){.ca = settings->ca};
    if (settings->target_is_secure)
        ASYNC_TRY(async_tls_client_new(&theirs, &options));

    struct target target = {settings->host, settings->host_port, theirs};
    async_auto_wait_server *listener = NULL;
    ASYNC_TRY(async_start_server(&listener, serve, &target, NULL, settings->port,
                                 &(async_server_options){.tls = ours}));
    printf("passing port %d on to %s:%d\n", async_server_port(listener), target.host, target.port);
    fflush(stdout);
    return async_server_serve_forever(listener);
}
async_fn(amain, struct settings *);

int main(int count, char **arguments)
{
    struct settings settings = {0};
    int option;
    while ((option = getopt(count, arguments, "a:c:t")) != -1) {
        if (option == 'a')
            settings.ca = optarg;
        else if (option == 'c')
            settings.certificate = optarg;
        else
            settings.target_is_secure = option == 't';
        if (option == '?')
            count = 0;
    }
    if (count != optind + 3) {
        fprintf(stderr,
                "usage: %s [-c certificate.pem] [-t [-a ca.pem]] port target-host target-port\n",
                arguments[0]);
        return 2;
    }
    settings.port = atoi(arguments[optind]);
    settings.host = arguments[optind + 1];
    settings.host_port = atoi(arguments[optind + 2]);
    return async_main(amain, &settings);
}
