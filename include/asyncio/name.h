/*
 * asyncio/name.h: addresses of names and names of addresses, as getaddrinfo(3) and getnameinfo(3),
 * while the loop goes on. For struct addrinfo and the flags include <netdb.h>, which this does not:
 * it has names that programs use.
 *
 *      EAI_NONAME, EAI_NODATA, EAI_ADDRFAMILY                  -ENOENT
 *      EAI_AGAIN                                               -EAGAIN
 *      EAI_FAIL                                                -EIO
 *      EAI_MEMORY                                              -ENOMEM
 *      EAI_OVERFLOW                                            -EMSGSIZE
 *      EAI_SERVICE, EAI_SOCKTYPE, EAI_FAMILY, EAI_BADFLAGS     -EINVAL
 *      EAI_SYSTEM                                              what errno was
 *
 * async_strerror tells more: "-ENOENT: no.such.host, service 80: Name or service not known".
 */
#ifndef ASYNCIO_NAME_H
#define ASYNCIO_NAME_H

#include <asyncio/base.h>

ASYNC_BEGIN_C

struct addrinfo;
struct sockaddr;

/*
 * The addresses of a host and a service, as getaddrinfo(3) finds them; copies host, service and
 * hints, each of which may be NULL. 0: *result is a list of one or more, in one piece, to be freed
 * by async_freeaddrinfo and nothing else; otherwise it is NULL, if anything. A host in numbers, or
 * none, with a service in numbers, or none, is answered at once. All else is looked up on one of
 * the four threads that the process has for names; those that ask the same at the same time share
 * one lookup. Who is cancelled goes on at once, and the lookup comes to its end by itself. -ENOENT:
 * there is no such name. -EAGAIN: the name servers do not answer, or there is no thread for names
 * and none can be made. -EIO: the name servers refuse. -EINVAL: result is NULL, the number of the
 * service is above 65535, or the service or hints make no sense. -ENOMEM, -ECANCELED. Switches.
 */
ASYNC_API ASYNC_MUST int async_getaddrinfo(const char *host, const char *service,
                                           const struct addrinfo *hints, struct addrinfo **result);

/*
 * Takes a list that async_getaddrinfo gave, by its first element, on any thread, also after the
 * loop's end. NULL is nothing. Never switches.
 */
ASYNC_API void async_freeaddrinfo(struct addrinfo *list);

/* async_auto_addrinfo *list = NULL; is freed when its block is left. */
#define async_auto_addrinfo ASYNC_CLEANUP(asyncp_addrinfo_auto_free) struct addrinfo
static inline void asyncp_addrinfo_auto_free(struct addrinfo **list)
{
    async_freeaddrinfo(*list);
}

/*
 * The names of an address, or its numbers, as getnameinfo(3) finds them: writes host and service,
 * both ended by a zero byte; NULL or a size of 0: not wanted. Copies the address, whose size is a
 * socklen_t. Where only numbers are asked for (NI_NUMERICHOST, NI_NUMERICSERV) they come at once;
 * otherwise as async_getaddrinfo. Whoever owns the address chooses its name in DNS: async_printable
 * makes it safe to print. 0. -EMSGSIZE: a size is too small. -ENOENT: with NI_NAMEREQD, there is no
 * name. -EINVAL: not an address. -EAGAIN, -EIO: as async_getaddrinfo. -ENOMEM, -ECANCELED.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_getnameinfo(const struct sockaddr *address, unsigned size,
                                           char *host, size_t host_size, char *service,
                                           size_t service_size, int flags);

ASYNC_END_C
#endif
