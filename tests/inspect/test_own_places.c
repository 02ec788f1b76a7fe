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

__attribute__((noinline)) static uintptr_t find_in_header(void)
{
    uintptr_t address = find_here();
    __asm__ volatile(""); /* no tail call */
    return address;
}
#line 28 "tests/inspect/test_own_places.c"

static bool find_place(uintptr_t address, struct code_place *place)
{
    static struct own_places own;
    asyncp_own_places_open(&own);
    CHECK(asyncp_own_place(&own, address - 1, place));
    asyncp_own_places_close(&own);
    return place->line > 0;
}

TEST(place_of_an_inlined_function_of_the_system_is_in_the_function_that_calls_it)
{
    struct code_place place;
    const unsigned begin = __LINE__ - 3;
    if (!find_place(find_by_header(), &place))
        test_skip("this program has no line tables");
    CHECK(strstr(place.file, "test_own_places.c") != NULL);
    CHECK(place.line >= begin && place.line < begin + 10);
}

TEST(place_of_a_function_of_the_system_that_is_called_is_its_own)
{
    struct code_place place;
    if (!find_place(find_in_header(), &place))
        test_skip("this program has no line tables");
    CHECK_STR(place.file, "/usr/include/fortified.h");
}

TEST(place_has_the_name_of_the_function_in_the_source)
{
    struct code_place place;
    asyncp_place_set_symbol(&place, "flush.constprop.0");
    CHECK_STR(place.function, "flush");
    asyncp_place_set_symbol(&place, "asyncp_enter_save.lto_priv.0.lto_priv.0");
    CHECK_STR(place.function, "save");
    CHECK(place.is_entry);
    asyncp_place_set_symbol(&place, "_start");
    CHECK_STR(place.function, "_start");
    CHECK(!place.is_entry);
    asyncp_place_set_symbol(&place, NULL);
    CHECK_STR(place.function, "");
}
