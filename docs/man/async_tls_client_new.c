/*
 * async_tls_client_new.c: encrypt connections with TLS
 *
 * Pages: async_tls_client_new async_tls_server_new async_tls_options
 * async_tls_verify async_tls_version async_tls_free async_auto_tls async_start_tls
 * async_tls_protocol async_tls_cipher async_tls_alpn async_tls_server_name
 * async_tls_resumed async_tls_peer_subject async_tls_ssl async_tls_ssl_context
 */
#include <asyncio.h>
#include <asyncio/tls.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Creates a self-signed certificate for this example. */
static int make_certificate(void)
{
    return system("openssl req -x509 -newkey rsa:2048 -nodes -days 1 "
                  "-subj /CN=localhost -addext subjectAltName=DNS:localhost "
                  "-keyout key.pem -out certificate.pem 2>/dev/null");
}

/* Starts in the clear, as mail servers do. */
static int greet(async_stream *stream, void *tls)
{
    char line[80];
    ASYNC_TRY(async_stream_readline(stream, line, sizeof line));
    ASYNC_TRY(async_start_tls(stream, tls, NULL));
    return async_stream_printf(stream, "hello, %s\n",
                               async_tls_server_name(stream));
}

static int secure(async_stream *stream, async_tls *tls)
{
    ASYNC_TRY(async_stream_printf(stream, "STARTTLS\n"));
    return async_start_tls(stream, tls, "localhost");
}

static int ask(int port, async_tls *tls)
{
    async_auto_stream *stream = NULL;
    char line[80], name[80];
    ASYNC_TRY(async_open_connection(&stream, "127.0.0.1", port, NULL));
    ASYNC_TRY(secure(stream, tls));
    ASYNC_TRY(async_stream_readline(stream, line, sizeof line));
    ASYNC_TRY(async_tls_peer_subject(stream, name, sizeof name));
    printf("%s says: %s", name, line);
    printf("%s, %d bits, %s, %s\n", async_tls_protocol(stream),
           SSL_get_cipher_bits(async_tls_ssl(stream), NULL),
           async_tls_cipher(stream) != NULL ? async_tls_alpn(stream) : "",
           async_tls_resumed(stream) ? "resumed" : "new");
    return 0;
}

static int amain(void)
{
    async_tls *server_tls = NULL;
    async_auto_tls *strict = NULL, *trusting = NULL;
    async_auto_wait_server *server = NULL;
    async_tls_options options = {.certificate = "certificate.pem",
                                 .key = "key.pem",
                                 .alpn = "hello",
                                 .min_version = ASYNC_TLS_VERSION_1_3};
    ASYNC_TRY(async_tls_server_new(&server_tls, &options));
    SSL_CTX_set_num_tickets(async_tls_ssl_context(server_tls), 1);
    ASYNC_TRY(
        async_start_server(&server, greet, server_tls, "127.0.0.1", 0, NULL));
    int port = async_server_port(server);

    options = (async_tls_options){.ca = "certificate.pem",
                                  .alpn = "hello",
                                  .verify = ASYNC_TLS_VERIFY_REQUIRED};
    ASYNC_TRY(async_tls_client_new(&trusting, &options));
    ASYNC_TRY(async_tls_client_new(&strict, NULL));
    ASYNC_TRY(ask(port, trusting));
    int result = ask(port, strict);
    if (result < 0)
        puts(async_strerror(result));
    async_tls_free(server_tls); /* or an async_auto_tls, as the others */
    return 0;
}
async_fn(amain);

int main(void)
{
    char folder[] = "/tmp/example-XXXXXX";
    if (mkdtemp(folder) == NULL || chdir(folder) < 0 || make_certificate() != 0)
        return 1;
    int result = async_main(amain);
    unlink("key.pem");
    unlink("certificate.pem");
    rmdir(folder);
    return result;
}

/* Prints:
 * CN=localhost says: hello, localhost
 * TLSv1.3, 256 bits, hello, new
 * -EKEYREJECTED: TLS: the certificate of CN=localhost is not trusted: self-signed certificate
 */
