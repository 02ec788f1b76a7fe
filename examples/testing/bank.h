/* bank.h: accounts that tasks use at the same time: what the tests of this folder test. */
#ifndef BANK_H
#define BANK_H

#include <asyncio.h>

struct account {
    async_lock lock;
    int balance;
};

/* Moves money after a pause of a second, under the locks of both accounts. 0; -ERANGE. Switches. */
int bank_transfer(struct account *from, struct account *to, int amount);

/* Answers lines "balance" until the client ends the data. 0 or -errno. Switches. */
int bank_serve(async_stream *client, struct account *account);

#endif
