/*
 * bench/server.h: what every server of a benchmark does alike, ours and the peers' in C: it listens
 * on a port of its own on the loopback interface, says which on its first line, and ends when its
 * input does, so that none outlives the program that started it. All connections have TCP_NODELAY.
 * Knows nothing of what is served.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <bench.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum { SERVER_BACKLOG = 4096 };

/* Says the port, so that whoever started the server may connect. */
static inline void server_say_port(int port)
{
    printf("%d\n", port);
    fflush(stdout);
}

/*
 * A listening socket, non-blocking; what it accepts inherits TCP_NODELAY. Its port has been said.
 */
static inline int server_listen(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int yes = 1;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listening < 0 || setsockopt(listening, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) < 0 ||
        bind(listening, (struct sockaddr *)&address, size) < 0 ||
        listen(listening, SERVER_BACKLOG) < 0 ||
        getsockname(listening, (struct sockaddr *)&address, &size) < 0)
        bench_die("server", "cannot listen");
    server_say_port(ntohs(address.sin_port));
    return listening;
}

#endif
