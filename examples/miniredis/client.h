/*
 * client.h: a connection and its commands.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include "protocol.h"

struct client {
    async_stream *stream;
    async_task *task;
    struct store *store;
    struct request request;
    size_t unread; /* bytes in the stream's buffer: this request and the following ones */
    bool waited;   /* the request has waited, so its words are no longer valid */
    struct subscription *subscriptions;
    int subscription_count;
};

/*
 * Performs and answers the request. Returns 0; 1 if the client has ended the connection; -errno if
 * it shall be closed. Switches only to wait for an item.
 */
int perform(struct client *client);

void forget_subscriptions(struct client *client);

/* Serves a client of the store until it ends. */
int serve_client(async_stream *stream, void *store);

#endif
