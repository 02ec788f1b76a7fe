/*
 * string.cc: does not compile, and must not: arguments are copied to the task's stack as bytes,
 * which would leave the string there without its characters.
 */
#include <asyncio.h>

#include <string>

static int say(std::string text)
{
    return static_cast<int>(text.size());
}
async_fn(say, std::string);

int main()
{
    return async_main(say, std::string("hello"));
}
