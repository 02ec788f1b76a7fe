/*
 * bench/tls.c: our server for bench-tls, as a user would write it: it serves the files of a folder
 * and ends at the end of its input (server.h). It must not know its load generator,
 * bench/load/tls.c, which documents the environment variables.
 */
#include <ours.h>
#include <server.h>

#include <asyncio/tls.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int send_file(async_stream *stream, const char *name)
{
    char path[256]; /* on the stack of each connection */
    struct stat status = {0};
    snprintf(path, sizeof path, "%s/%s", getenv("FOLDER"), name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    int result = file < 0 ? -ENOENT : fstat(file, &status);
    if (result == 0)
        result = async_stream_printf(stream, "HTTP/1.0 200 ok\r\nContent-Length: %lld\r\n\r\n",
                                     (long long)status.st_size);
    if (result >= 0)
        result = async_stream_sendfile(stream, file, 0, (size_t)status.st_size);
    close(file);
    return result;
}

static int serve(async_stream *stream, void *unused)
{
    char request[1024], name[64];
    (void)unused;
    int size = async_stream_readuntil(stream, request, sizeof request - 1, "\r\n\r\n");
    if (size < 0)
        return size == -ENODATA || size == -ECONNRESET ? 0 : size;
    request[size] = 0;
    return sscanf(request, "GET /%63[a-z]", name) == 1 ? send_file(stream, name) : -EPROTO;
}

static int amain(void)
{
    const async_tls_options identity = {.certificate = getenv("CERTIFICATE")};
    async_server_options options = {.backlog = SERVER_BACKLOG};
    async_auto_tls *tls = NULL;
    async_auto_wait_server *server = NULL;
    ASYNC_TRY(async_tls_server_new(&tls, &identity));
    options.tls = getenv("PLAIN") == NULL ? tls : NULL;
    ASYNC_TRY(async_start_server(&server, serve, NULL, "127.0.0.1", 0, &options));
    server_say_port(async_server_port(server));
    return async_wait_readable(STDIN_FILENO);
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
