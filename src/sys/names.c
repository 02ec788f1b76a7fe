/*
 * sys/names.c: libc's resolver, with its errors translated to -errno.
 */
#include "sys/names.h"
#include "sys/fault.h"
#include <netdb.h>
#include <stdint.h>
#include <string.h>

static const struct resolver libc_resolver = {getaddrinfo, freeaddrinfo, getnameinfo};
const struct resolver *asyncp_sys_resolver = &libc_resolver;

/* EAI_NODATA and EAI_ADDRFAMILY are not in every libc. */
static int errno_of_eai(int error, int system_error)
{
    switch (error) {
    case EAI_NONAME:
#ifdef EAI_NODATA
    case EAI_NODATA:
#endif
#ifdef EAI_ADDRFAMILY
    case EAI_ADDRFAMILY:
#endif
        return -ENOENT;
    case EAI_AGAIN:
        return -EAGAIN;
    case EAI_FAIL:
        return -EIO;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_OVERFLOW:
        return -EMSGSIZE;
    case EAI_SERVICE:
    case EAI_SOCKTYPE:
    case EAI_FAMILY:
    case EAI_BADFLAGS:
        return -EINVAL;
    case EAI_SYSTEM:
        return system_error > 0 ? -system_error : -EIO;
    default:
        return -EIO;
    }
}

static int resolver_result(int error, const char **why)
{
    int system_error = errno;
    if (error == 0)
        return 0;
    int code = errno_of_eai(error, system_error);
    *why = error == EAI_SYSTEM ? strerror(-code) : gai_strerror(error);
    return code;
}

int asyncp_sys_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                           struct addrinfo **list, const char **why)
{
    int error = fault(SITE_GETADDRINFO) ? EAI_SYSTEM : 0;
    if (error == 0)
        error = asyncp_sys_resolver->getaddrinfo(host, service, hints, list);
    return resolver_result(error, why);
}

void asyncp_sys_freeaddrinfo(struct addrinfo *list)
{
    if (list != NULL)
        asyncp_sys_resolver->freeaddrinfo(list);
}

static socklen_t socklen_of(size_t size)
{
    return size < INT32_MAX ? (socklen_t)size : INT32_MAX;
}

int asyncp_sys_getnameinfo(const struct sockaddr *address, socklen_t size, char *host,
                           size_t host_size, char *service, size_t service_size, int flags,
                           const char **why)
{
    int error = fault(SITE_GETNAMEINFO) ? EAI_SYSTEM : 0;
    if (error == 0)
        error = asyncp_sys_resolver->getnameinfo(address, size, host, socklen_of(host_size),
                                                 service, socklen_of(service_size), flags);
    return resolver_result(error, why);
}
