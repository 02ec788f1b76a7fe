/*
 * sockets.h: for tests of sockets: listeners on a loopback address at a port that the kernel
 * chooses, pairs of connected sockets of every kind, and a socket that has no room. All are the
 * test's own, to be closed by it.
 */
#ifndef TEST_SOCKETS_H
#define TEST_SOCKETS_H

#include "run/runner.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* Two ends that are connected to each other. */
struct sockets {
    int here;  /* one end */
    int there; /* the other */
};

static inline struct sockaddr_in loopback(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static inline struct sockaddr_in address_of(int fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    CHECK_EQ(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    return address;
}

/* A socket of that type, bound to a port of the loopback address; flags: SOCK_NONBLOCK or 0. */
static inline int bound_socket(int type, int flags)
{
    struct sockaddr_in address = loopback(0);
    int fd = socket(AF_INET, type | flags | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    CHECK_EQ(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static inline int listener(int backlog)
{
    int fd = bound_socket(SOCK_STREAM, 0);
    CHECK_EQ(listen(fd, backlog), 0);
    return fd;
}

static inline struct sockets unix_sockets(int type)
{
    int ends[2];
    CHECK_EQ(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), 0);
    return (struct sockets){ends[0], ends[1]};
}

/* A connection by TCP; neither end is non-blocking. */
static inline struct sockets tcp_sockets(void)
{
    int server = listener(1);
    struct sockaddr_in address = address_of(server);
    int here = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(connect(here, (struct sockaddr *)&address, sizeof address), 0);
    int there = accept4(server, NULL, NULL, SOCK_CLOEXEC);
    CHECK(there >= 0);
    close(server);
    return (struct sockets){here, there};
}

/* Two sockets of UDP that are connected to each other. */
static inline struct sockets udp_sockets(void)
{
    struct sockets pair = {bound_socket(SOCK_DGRAM, 0), bound_socket(SOCK_DGRAM, 0)};
    struct sockaddr_in address = address_of(pair.here);
    CHECK_EQ(connect(pair.there, (struct sockaddr *)&address, sizeof address), 0);
    address = address_of(pair.there);
    CHECK_EQ(connect(pair.here, (struct sockaddr *)&address, sizeof address), 0);
    return pair;
}

static inline void close_both(struct sockets pair)
{
    CHECK_EQ(close(pair.here), 0);
    CHECK_EQ(close(pair.there), 0);
}

/* Sends until there is no room; returns how many bytes that were. */
static inline size_t fill_socket(int fd)
{
    static const char bytes[16384];
    size_t total = 0;
    ssize_t count;
    for (size_t size = sizeof bytes; size > 0; size /= 2)
        while ((count = send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0)
            total += (size_t)count;
    return total;
}

/* Takes all that is there; returns how many bytes that were. */
static inline size_t drain_socket(int fd)
{
    static char bytes[65536];
    size_t total = 0;
    for (ssize_t count; (count = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT)) > 0;)
        total += (size_t)count;
    return total;
}

/* How many bytes can be received at once. */
static inline int bytes_to_receive(int fd)
{
    int count;
    CHECK_EQ(ioctl(fd, FIONREAD, &count), 0);
    return count;
}

static inline void send_text(int fd, const char *text)
{
    CHECK_EQ(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* close(2) of this socket will reset its connection. */
static inline void reset_on_close(int fd)
{
    const struct linger at_once = {.l_onoff = 1};
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
}

static inline void shrink_send_buffer(int fd, int bytes)
{
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes), 0);
}

#endif
