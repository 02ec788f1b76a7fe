/*
 * 19. return errno
 *
 * An error is a negative result. `errno` is positive, and so a success, whatever its number: a
 * length, a count, a descriptor. Neither the compiler nor the library can tell them apart.
 *
 * `return -errno;`. Calls of the library return errors in this way and leave `errno` alone.
 */
#include <asyncio.h>
#include <fcntl.h>
#include <stdio.h>

static int open_file(const char *name)
{
    int descriptor = open(name, O_RDONLY);
    return descriptor < 0 ? errno : descriptor;
}

static int amain(void)
{
    int descriptor = open_file("/does/not/exist");
    if (descriptor < 0)
        return descriptor;
    printf("opened as descriptor %d\n", descriptor);
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
