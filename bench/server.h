/*
 * bench/server.h: the protocol of all benchmark servers in C, ours and the peers'. A server listens
 * on the loopback interface at a port chosen by the kernel, prints the port on its first line, and
 * ends at the end of its input, so it never outlives the program that started it. All connections
 * have TCP_NODELAY. This file must not know what is served.
 */
#ifndef BENCH_SERVER_H
#define BENCH_SERVER_H

#include <bench.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

enum { SERVER_BACKLOG = 4096 };

/* Prints the port for the program that started the server. */
static inline void server_say_port(int port)
{
    printf("%d\n", port);
    fflush(stdout);
}

/*
 * Returns a non-blocking listening socket and prints its port. Accepted sockets inherit
 * TCP_NODELAY.
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
