/*
 * switching_name.c: the rows (switching.h) of the calls for names. All callers request the same
 * name, so one lookup serves them; it waits at the latch of names.h until it is supplied, and by
 * then its answers are on their way.
 */
#include "run/names.h"
#include "switching.h"

/* Lookups that an earlier cell left at the latch end first. */
static void set_names(struct scene *scene)
{
    (void)scene;
    names_open_latch();
    use_test_names(true);
}

static void supply_names(struct scene *scene)
{
    (void)scene;
    if (asyncp_lookups_under_way() > 0)
        latch_open(&names.latch);
    await_no_lookups();
}

static int look_up_name(struct caller *caller)
{
    (void)caller;
    async_auto_addrinfo *list = NULL;
    int result = async_getaddrinfo("one.test", "80", NULL, &list);
    CHECK((result == 0) == (list != NULL));
    return result;
}

static void check_names(struct scene *scene)
{
    names_open_latch();
    CHECK_EQ(look_up_name(scene->subject), 0);
}

SWITCHING_CALL(getaddrinfo_of_a_name, async_getaddrinfo, .kind = WAITS, .set = set_names,
               .make = look_up_name, .supply = supply_names, .check = check_names);

/* Three names, so each caller has its own lookup; all end at once. */
static int look_up_own_name(struct caller *caller)
{
    static const char *const own[] = {"a.test", "b.test", "c.test"};
    async_auto_addrinfo *list = NULL;
    return async_getaddrinfo(own[caller->place], "80", NULL, &list);
}

static void supply_all_names(struct scene *scene)
{
    (void)scene;
    size_t count = asyncp_lookups_under_way();
    for (size_t i = 0; i < count; i++)
        latch_open(&names.latch);
    await_no_lookups();
}

SWITCHING_CALL(getaddrinfo_of_one_name_per_caller, async_getaddrinfo, .kind = WAITS,
               .set = set_names, .make = look_up_own_name, .supply = supply_all_names,
               .check = check_names);

static int look_up_numbers(struct caller *caller)
{
    (void)caller;
    async_auto_addrinfo *list = NULL;
    return async_getaddrinfo("127.0.0.1", "80", NULL, &list);
}

SWITCHING_CALL(getaddrinfo_of_numbers, async_getaddrinfo, .kind = NEED_NOT_WAIT, .set = set_names,
               .make = look_up_numbers);

static int look_up_name_of_address(struct caller *caller)
{
    (void)caller;
    char host[20] = "";
    int result = async_getnameinfo((const struct sockaddr *)&name_v4, sizeof name_v4, host,
                                   sizeof host, NULL, 0, 0);
    CHECK_STR(host, result == 0 ? "one.test" : "");
    return result;
}

SWITCHING_CALL(getnameinfo_of_an_address, async_getnameinfo, .kind = WAITS, .set = set_names,
               .make = look_up_name_of_address, .supply = supply_names, .check = check_names);

static int write_numbers(struct caller *caller)
{
    (void)caller;
    char host[20];
    return async_getnameinfo((const struct sockaddr *)&name_v4, sizeof name_v4, host, sizeof host,
                             NULL, 0, NI_NUMERICHOST);
}

SWITCHING_CALL(getnameinfo_in_numbers, async_getnameinfo, .kind = NEED_NOT_WAIT,
               .make = write_numbers);
