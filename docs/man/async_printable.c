/*
 * async_printable.c: make untrusted bytes safe to print
 *
 * Pages: async_printable
 */
#include <asyncio.h>
#include <stdio.h>

int main(void)
{
    const char name[] = "evil\x1b[2J\n.example"; /* from a peer */
    char text[32];
    size_t length = async_printable(text, sizeof text, name, sizeof name - 1);
    printf("%s (%zu bytes)\n", text, length);

    async_printable(text, 8, name, sizeof name - 1);
    printf("%s\n", text);
    return 0;
}

/* Prints:
 * evil\x1B[2J\x0A.example (23 bytes)
 * evil
 */
