/*
 * net/name.c: lookups of names. Numbers are answered at once, everything else by the resolver; the
 * error message names the host. It does not know threads.
 */
#include "base/text.h"
#include "sched/pace.h"
#include "net/addrinfo.h"
#include "net/resolver.h"
#include "sys/names.h"
#include <asyncio/name.h>
#include <netdb.h>

/* ---- addresses ------------------------------------------------------------------------------ */

static int fail_for_host(int code, const char *host, const char *service, const char *why)
{
    if (host == NULL)
        host = "this host";
    if (service == NULL)
        return async_fail(code, "%s: %s", host, why);
    return async_fail(code, "%s, service %s: %s", host, service, why);
}

static int look_up_addresses(struct async_loop *loop, const struct question *question,
                             struct addrinfo **list)
{
    struct lookup *lookup;
    int result = asyncp_resolve(loop, question, "async_getaddrinfo", &lookup);
    if (result < 0)
        return result;
    const struct answer *answer = asyncp_lookup_answer(lookup);
    if (answer->code < 0)
        result = fail_for_host(answer->code, question->host, question->service, answer->why);
    else if ((*list = asyncp_addrinfo_copy(answer->list)) == NULL)
        result = -ENOMEM;
    asyncp_lookup_release(lookup);
    return result;
}

int async_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                      struct addrinfo **result)
{
    static const struct addrinfo no_hints;
    struct async_loop *loop = loop_enter("async_getaddrinfo");
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop);
    if (result == NULL)
        return async_fail(-EINVAL, "async_getaddrinfo: the place for the result is NULL");
    if (hints == NULL)
        hints = &no_hints;
    *result = NULL;
    int found = asyncp_addrinfo_literal(host, service, hints, result);
    if (found < 0)
        return fail_for_host(found, host, service, "there is no such port");
    if (found > 0)
        return paced(loop, PACE_COPY, *result != NULL ? 0 : -ENOMEM);
    struct question question = {.host = host,
                                .service = service,
                                .flags = hints->ai_flags,
                                .family = hints->ai_family,
                                .type = hints->ai_socktype,
                                .protocol = hints->ai_protocol};
    return look_up_addresses(loop, &question, result);
}

/* ---- names ---------------------------------------------------------------------------------- */

struct name_buffer {
    char *text; /* NULL: the name is not wanted */
    size_t size;
};

static int store_name(struct name_buffer buffer, const char *name)
{
    if (buffer.text == NULL)
        return 0;
    size_t size = strlen(name) + 1;
    if (size > buffer.size)
        return -EMSGSIZE;
    memcpy(buffer.text, name, size);
    return 0;
}

static struct name_buffer name_buffer_of(char *text, size_t size)
{
    return size > 0 && text != NULL ? (struct name_buffer){.text = text, .size = size}
                                    : (struct name_buffer){0};
}

static int fail_for_address(int code, const struct sockaddr *address, unsigned size,
                            const char *why)
{
    char text[MAX_ERROR_MESSAGE_BYTES / 2];
    const char *no_reason;
    int result = asyncp_sys_getnameinfo(address, size, text, sizeof text, NULL, 0, NI_NUMERICHOST,
                                        &no_reason);
    return async_fail(code, "%s: %s", result == 0 ? text : "an address", why);
}

static int look_up_names(struct async_loop *loop, const struct question *question,
                         struct name_buffer host, struct name_buffer service)
{
    struct lookup *lookup;
    int result = asyncp_resolve(loop, question, "async_getnameinfo", &lookup);
    if (result < 0)
        return result;
    const struct answer *answer = asyncp_lookup_answer(lookup);
    if (answer->code < 0)
        result = fail_for_address(answer->code, question->address, question->address_size,
                                  answer->why);
    else if (store_name(host, answer->host) < 0 || store_name(service, answer->service) < 0)
        result = fail_for_address(-EMSGSIZE, question->address, question->address_size,
                                  "its name is too long");
    asyncp_lookup_release(lookup);
    return result;
}

/* libc does this without waiting, and with little stack. */
static int write_numbers(const struct sockaddr *address, unsigned size, struct name_buffer host,
                         struct name_buffer service, int flags)
{
    const char *why;
    int code = asyncp_sys_getnameinfo(address, size, host.text, host.size, service.text,
                                      service.size, flags, &why);
    return code < 0 ? async_fail(code, "an address: %s", why) : 0;
}

int async_getnameinfo(const struct sockaddr *address, unsigned size, char *host, size_t host_size,
                      char *service, size_t service_size, int flags)
{
    struct async_loop *loop = loop_enter("async_getnameinfo");
    if (unlikely(loop_running(loop)->cancel_pending))
        return asyncp_fail_cancelled(loop);
    if (address == NULL || size > sizeof(struct sockaddr_storage))
        return async_fail(-EINVAL, "async_getnameinfo: the address is NULL or too long");
    struct name_buffer host_buffer = name_buffer_of(host, host_size),
                       service_buffer = name_buffer_of(service, service_size);
    struct question question = {.address = address,
                                .address_size = size,
                                .flags = flags,
                                .wants_host = host_buffer.text != NULL,
                                .wants_service = service_buffer.text != NULL};
    bool numeric_host = !question.wants_host || (flags & NI_NUMERICHOST) != 0;
    bool numeric_service = !question.wants_service || (flags & NI_NUMERICSERV) != 0;
    if (numeric_host && numeric_service)
        return paced(loop, PACE_COPY,
                     write_numbers(address, size, host_buffer, service_buffer, flags));
    return look_up_names(loop, &question, host_buffer, service_buffer);
}
