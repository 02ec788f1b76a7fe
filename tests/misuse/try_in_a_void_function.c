/*
 * ASYNC_TRY returns the error, which a void function cannot.
 *
 *  gcc: 'return' with a value, in function returning void
 *  clang: void function 'rest' should not return a value
 */
#include <asyncio.h>

#ifdef RIGHT
int rest(void)
{
    ASYNC_TRY(async_sleep(1));
    return 0;
#else
void rest(void)
{
    ASYNC_TRY(async_sleep(1));
#endif
}
