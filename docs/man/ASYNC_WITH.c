/*
 * ASYNC_WITH.c: hold a lock or a permit for the rest of a block
 *
 * Pages: ASYNC_WITH
 */
#include <asyncio.h>
#include <stdio.h>

struct account {
    async_lock lock; /* {0} is free */
    int balance;
};

/* Asks the bank, which takes a while: the balance must stay what it is. */
static int withdraw(struct account *account, int amount)
{
    ASYNC_WITH(&account->lock); /* or returns the error from here */
    if (account->balance < amount)
        return async_fail(-EDOM, "%d is more than there is", amount);
    ASYNC_TRY(async_sleep(1));
    account->balance -= amount;
    printf("%d are left\n", account->balance);
    return 0;
} /* whichever way out was taken, the lock is released here */
async_fn(withdraw, struct account *, int);

static int amain(void)
{
    struct account account = {.balance = 100};
    async_task *first = async_create_task(withdraw, &account, 70);
    async_task *second = async_create_task(withdraw, &account, 70);
    async_task *third = async_create_task(withdraw, &account, 30);
    printf("%s\n", async_strerror(async_gather(first, second, third)));
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}

/* Prints:
 * 30 are left
 * 0 are left
 * -EDOM: 70 is more than there is
 */
