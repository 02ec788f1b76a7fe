/*
 * silent.c: a library to be loaded before a program (LD_PRELOAD), for tests/scripts/misuse.py: the
 * only name server of the main thread is then a socket that nothing reads, so each lookup of a name
 * takes a second and fails. It needs glibc, and no right to change the machine's settings.
 */
#include <netinet/in.h>
#include <nss.h>
#include <resolv.h>
#include <stdlib.h>
#include <sys/socket.h>

/* The socket stays open to the end of the process: else the kernel would refuse each question. */
static struct sockaddr_in open_silent_server(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (server < 0 || bind(server, (struct sockaddr *)&address, size) < 0 ||
        getsockname(server, (struct sockaddr *)&address, &size) < 0)
        abort();
    return address;
}

__attribute__((constructor)) static void use_silent_server(void)
{
    if (__nss_configure_lookup("hosts", "dns") != 0 || res_init() != 0)
        abort();
    _res.nscount = 1;
    _res.nsaddr_list[0] = open_silent_server();
    _res.retrans = 1;
    _res.retry = 1;
}
