/*
 * client.h: a connection, and what can be asked on it.
 */
#ifndef CLIENT_H
#define CLIENT_H

#include "protocol.h"

struct client {
    async_stream *stream;
    async_task *task;
    struct store *store;
    struct request request;
    size_t unread; /* bytes that are in the stream's buffer, this request and those behind it */
    bool waited;   /* the text that was parsed is no longer lent */
    struct subscription *subscriptions;
    int subscription_count;
};

/*
 * Answers the request. 0; 1: the connection is over; -errno: it shall be. Switches only where it
 * waits for an item.
 */
int perform(struct client *client);

void forget_subscriptions(struct client *client);

/* Serves a client of the store until it ends. */
int serve_client(async_stream *stream, void *store);

#endif
