/*
 * test_own_places.c: a place is in the program, also where a function of a system header is inlined
 * there, as <unistd.h> has them with -D_FORTIFY_SOURCE.
 */
#include "run/runner.h"
#include "show/own_places.h"
#include <string.h>

/* The address to which it returns. */
__attribute__((noinline)) static uintptr_t find_here(void)
{
    return (uintptr_t)__builtin_extract_return_addr(__builtin_return_address(0));
}

#line 38 "/usr/include/fortified.h"
__attribute__((always_inline)) static inline uintptr_t find_by_header(void)
{
    return find_here();
}
#line 21 "tests/inspect/test_own_places.c"

TEST(place_of_an_inlined_function_of_the_system_is_in_the_function_that_calls_it)
{
    static struct own_places own;
    struct code_place place;
    const unsigned begin = __LINE__ - 4;
    uintptr_t address = find_by_header();
    asyncp_own_places_open(&own);
    CHECK(asyncp_own_place(&own, address - 1, &place));
    asyncp_own_places_close(&own);
    if (place.line == 0)
        test_skip("this program has no line tables");
    CHECK(strstr(place.file, "test_own_places.c") != NULL);
    CHECK(place.line >= begin && place.line < begin + 10);
}
