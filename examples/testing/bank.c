/* bank.c: see bank.h. */
#include "bank.h"

#include <stdio.h>
#include <string.h>

/* Always in the same order, by address, so that two transfers cannot wait for each other. */
int bank_transfer(struct account *from, struct account *to, int amount)
{
    struct account *first = from < to ? from : to, *second = from < to ? to : from;
    ASYNC_WITH(&first->lock);
    ASYNC_WITH(&second->lock);
    ASYNC_TRY(async_sleep(1));
    if (from->balance < amount)
        return -ERANGE;
    from->balance -= amount;
    to->balance += amount;
    return 0;
}

int bank_serve(async_stream *client, struct account *account)
{
    char line[64], answer[64];
    int length;
    while ((length = async_stream_readline(client, line, sizeof line)) > 0) {
        bool is_known = strcmp(line, "balance\n") == 0;
        snprintf(answer, sizeof answer, is_known ? "%d\n" : "what?\n", account->balance);
        ASYNC_TRY(async_stream_write(client, answer, strlen(answer)));
    }
    return length;
}
