/*
 * http.h: one exchange with a server, over a plain socket. It stands in for streams, which are to come.
 */
#ifndef HTTP_H
#define HTTP_H

#include <asyncio.h>

/*
 * Connects to host:port, sends the request and reads all that comes back, which the caller frees. Returns its length;
 * -EFBIG: it is longer than limit bytes. Switches.
 */
ASYNC_MUST int http_exchange(const char *host, const char *port, const char *request, char **reply,
                             size_t limit);

#endif
