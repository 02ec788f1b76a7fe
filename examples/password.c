/*
 * password.c: asks for a password and gives up after some seconds: `password 10`. The terminal does
 * not show what is typed, and is as before afterwards, also after Ctrl-C and Ctrl-Z.
 */
#include <asyncio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TRIES = 3 };

static bool is_right(const char *password)
{
    return strcmp(password, "swordfish") == 0;
}

static int log_in(double seconds)
{
    char password[128];
    for (int tries = 0; tries < MAX_TRIES; tries++) {
        int length = async_timeout(seconds, async_getpass("password: ", password, sizeof password));
        if (length == -ETIMEDOUT)
            return async_fail(-ETIMEDOUT, "no password within %g seconds", seconds);
        ASYNC_TRY(length);
        bool right = is_right(password);
        explicit_bzero(password, sizeof password);
        if (right) {
            puts("welcome");
            return 0;
        }
        puts("this is not the password");
    }
    return async_fail(-EACCES, "%d wrong passwords", MAX_TRIES);
}
async_fn(log_in, double);

int main(int count, char **arguments)
{
    return async_main(log_in, count > 1 ? atof(arguments[1]) : 30);
}
