/*
 * echo.c: bench-echo's server on epoll, written for this one purpose: the baseline for libraries.
 * Edge-triggered, so the kernel checks no socket twice. One buffer for all connections, which stays
 * in the cache. No useless recv: a read that does not fill the buffer has read everything, and a
 * new edge reports later bytes. While bytes are unsent, nothing is read from the connection.
 */
#define _GNU_SOURCE
#include <server.h>
#include <unsent.h>

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { MAX_EVENTS = 128, BUFFER_SIZE = 65536 };

static char buffer[BUFFER_SIZE];

static void forget(int connection)
{
    unsent_forget(connection);
    close(connection);
}

/* Sends back all available bytes; until the end if the peer has closed the connection. */
static void echo(int connection, uint32_t events)
{
    bool ended = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    ssize_t got;
    if (unsent_any(connection) && !unsent_send(connection) && errno == EAGAIN)
        return;
    do {
        got = recv(connection, buffer, sizeof buffer, 0);
        if (got <= 0) {
            if (got == 0 || errno != EAGAIN)
                forget(connection);
            return;
        }
    } while (unsent_send_or_keep(connection, buffer, (size_t)got) &&
             (ended || got == sizeof buffer));
}

static void watch(int epoll, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.fd = fd};
    if (fd >= UNSENT_DESCRIPTORS || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        bench_die("epoll_ctl", strerror(errno));
}

static void accept_all(int epoll, int listening)
{
    int connection;
    while ((connection = accept4(listening, NULL, NULL, SOCK_NONBLOCK)) >= 0)
        watch(epoll, connection, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
}

int main(void)
{
    static struct epoll_event events[MAX_EVENTS];
    int epoll = epoll_create1(0), listening = server_listen();
    watch(epoll, listening, EPOLLIN);
    watch(epoll, STDIN_FILENO, EPOLLIN);
    for (;;) {
        int count = epoll_wait(epoll, events, MAX_EVENTS, -1);
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == listening)
                accept_all(epoll, listening);
            else if (fd == STDIN_FILENO)
                return 0;
            else
                echo(fd, events[i].events);
        }
    }
}
