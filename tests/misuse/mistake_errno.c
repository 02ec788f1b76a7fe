/*
 * 19. return errno
 *
 * An error is a negative result. `errno` is positive, and a positive result is a success: a length,
 * a count, a descriptor. Neither the compiler nor the library can tell them apart.
 *
 * `return -errno;`. Calls of the library return errors in this way and leave `errno` alone.
 */
#include <asyncio.h>
#include <fcntl.h>
#include <stdio.h>

static int open_file(const char *name)
{
    int fd = open(name, O_RDONLY);
    return fd < 0 ? errno : fd;
}

static int amain(void)
{
    int fd = open_file("/does/not/exist");
    if (fd < 0)
        return fd;
    printf("opened as descriptor %d\n", fd);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
