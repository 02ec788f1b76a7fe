/*
 * test_own_places.c: a place has the name of a function of the program, and is in it, also where a
 * function of a system header is inlined, as <unistd.h> has them with -D_FORTIFY_SOURCE.
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

TEST(place_has_the_name_of_the_function_in_the_source)
{
    struct code_place place;
    asyncp_place_set_function(&place, "flush.constprop.0");
    CHECK_STR(place.function, "flush");
    asyncp_place_set_function(&place, "asyncp_enter_save.lto_priv.0.lto_priv.0");
    CHECK_STR(place.function, "save");
    CHECK(place.is_entry);
    asyncp_place_set_function(&place, "_start");
    CHECK_STR(place.function, "_start");
    CHECK(!place.is_entry);
    asyncp_place_set_function(&place, NULL);
    CHECK_STR(place.function, "");
}
