/*
 * asyncio/name.h: looking up names and addresses. The calls work like getaddrinfo(3) and
 * getnameinfo(3), without blocking the loop.
 *
 *     async_auto_addrinfo *list = NULL;
 *     ASYNC_TRY(async_getaddrinfo("example.com", "https", NULL, &list));
 *
 * Include <netdb.h> for struct addrinfo and the flags. The errors of libc are returned as errno
 * values:
 *
 *      EAI_NONAME, EAI_NODATA, EAI_ADDRFAMILY                  -ENOENT
 *      EAI_AGAIN                                               -EAGAIN
 *      EAI_FAIL                                                -EIO
 *      EAI_MEMORY                                              -ENOMEM
 *      EAI_OVERFLOW                                            -EMSGSIZE
 *      EAI_SERVICE, EAI_SOCKTYPE, EAI_FAMILY, EAI_BADFLAGS     -EINVAL
 *      EAI_SYSTEM                                              the value of errno
 *
 * async_strerror returns libc's text for them: "-ENOENT: no.such.host, service 80: Name or service
 * not known".
 */
#ifndef ASYNCIO_NAME_H
#define ASYNCIO_NAME_H

#include <asyncio/base.h>

ASYNC_BEGIN_C

struct addrinfo;
struct sockaddr;

/*
 * Finds the addresses of a host and a service, as getaddrinfo(3) does.
 *
 * host, service and hints may be NULL. *result becomes a list of at least one address; after an
 * error it is NULL, unless result itself is NULL. A numeric or missing host with a numeric or
 * missing service is converted at once. Other names are looked up on one of four threads of the
 * process; equal lookups at the same time are made once. If the task is cancelled, the call returns
 * at once and the lookup ends in the background.
 *
 * Copies host, service and hints. The caller owns *result and frees it with async_freeaddrinfo.
 * Returns 0.
 * -ENOENT if the name does not exist.
 * -EAGAIN if the name servers do not answer, or no thread could be started and none is running.
 * -EIO if the name servers refuse to answer.
 * -EINVAL if result is NULL, a numeric service is above 65535, or service or hints are not valid.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_getaddrinfo(const char *host, const char *service,
                                           const struct addrinfo *hints, struct addrinfo **result);

/*
 * Frees a list returned by async_getaddrinfo. It may be called on any thread, also after the end of
 * the loop.
 *
 * Takes the list, by its first element. NULL is ignored.
 * Never switches.
 */
ASYNC_API void async_freeaddrinfo(struct addrinfo *list);

/*
 * async_auto_addrinfo *list = NULL;
 *
 * Declares a list of addresses and frees it when the block is left.
 */
#define async_auto_addrinfo ASYNC_CLEANUP(asyncp_addrinfo_auto_free) struct addrinfo
static inline void asyncp_addrinfo_auto_free(struct addrinfo **list)
{
    async_freeaddrinfo(*list);
}

/*
 * Finds the host name and the service name of an address, or writes them as numbers, as
 * getnameinfo(3) does.
 *
 * size is the size of the address, a socklen_t. host and service become strings of at most
 * host_size and service_size bytes, zero byte included. A NULL buffer and a buffer of size 0 are
 * not filled. With NI_NUMERICHOST and NI_NUMERICSERV there is no lookup; otherwise it is made as
 * async_getaddrinfo makes it. The owner of the address chooses its name in DNS: pass it through
 * async_printable before it is printed.
 *
 * Copies the address.
 * Returns 0.
 * -EMSGSIZE if a buffer is too small.
 * -ENOENT if there is no name and flags has NI_NAMEREQD.
 * -EINVAL if the address is not valid.
 * -EAGAIN, -EIO as for async_getaddrinfo.
 * Switches.
 */
ASYNC_API ASYNC_MUST int async_getnameinfo(const struct sockaddr *address, unsigned size,
                                           char *host, size_t host_size, char *service,
                                           size_t service_size, int flags);

ASYNC_END_C
#endif
