/*
 * The format of async_fail is checked as printf's is.
 *
 *  gcc: format '%s' expects argument of type 'char *', but argument 3 has type 'int'
 *  clang: format specifies type 'char *' but the argument has type 'int'
 */
#include <asyncio.h>

int refuse(int number)
{
#ifdef RIGHT
    return async_fail(-EINVAL, "%d is too many", number);
#else
    return async_fail(-EINVAL, "%s is too many", number);
#endif
}
