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

/* The balance must not change while the bank is asked. */
static int withdraw(struct account *account, int amount)
{
    ASYNC_WITH(&account->lock); /* returns the error if it fails */
    if (account->balance < amount)
        return async_fail(-EDOM, "%d is more than the balance", amount);
    ASYNC_TRY(async_sleep(1));
    account->balance -= amount;
    printf("%d left\n", account->balance);
    return 0;
} /* the lock is released here, on every way out */
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
 * 30 left
 * 0 left
 * -EDOM: 70 is more than the balance
 */
