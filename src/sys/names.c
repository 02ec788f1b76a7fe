/*
 * sys/names.c: libc's resolver with -errno for its errors. It must not know of threads and tasks.
 */
#include "sys/names.h"
#include "sys/fault.h"
#include <net/if.h>
#include <netdb.h>
#include <stdint.h>
#include <string.h>

static const struct resolver libc = {getaddrinfo, freeaddrinfo, getnameinfo};
const struct resolver *asyncp_sys_resolver = &libc;

/* The ones that are not in every libc's header stand apart. */
static int code_of(int error, int system_error)
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

/* What libc's answer is here. */
static int outcome(int error, const char **why)
{
    int system_error = errno;
    if (error == 0)
        return 0;
    int code = code_of(error, system_error);
    *why = error == EAI_SYSTEM ? strerror(-code) : gai_strerror(error);
    return code;
}

/* Whether a test lets the call fail, with errno as it would be. */
static int failed(enum site site)
{
    return fault(site) ? EAI_SYSTEM : 0;
}

int asyncp_sys_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                           struct addrinfo **list, const char **why)
{
    int error = failed(SITE_GETADDRINFO);
    if (error == 0)
        error = asyncp_sys_resolver->getaddrinfo(host, service, hints, list);
    return outcome(error, why);
}

void asyncp_sys_freeaddrinfo(struct addrinfo *list)
{
    if (list != NULL)
        asyncp_sys_resolver->freeaddrinfo(list);
}

static socklen_t length_of(size_t size)
{
    return size < INT32_MAX ? (socklen_t)size : INT32_MAX;
}

int asyncp_sys_getnameinfo(const struct sockaddr *address, socklen_t size, char *host,
                           size_t host_size, char *service, size_t service_size, int flags,
                           const char **why)
{
    int error = failed(SITE_GETNAMEINFO);
    if (error == 0)
        error = asyncp_sys_resolver->getnameinfo(address, size, host, length_of(host_size), service,
                                                 length_of(service_size), flags);
    return outcome(error, why);
}

unsigned asyncp_sys_interface_number(const char *name)
{
    return if_nametoindex(name);
}
