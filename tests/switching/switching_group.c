/*
 * switching_group.c: the rows (switching.h) of calls that wait for several tasks, or for one
 * without ending it: wait, wait_for, shield, task groups.
 */
#include "switching_children.h"

#include <math.h>

/* ---- wait ----------------------------------------------------------------------------------- */

/* It borrows: the children go on when it is refused, and are cancelled and waited for here. */
static int wait_for_children(struct caller *caller, child_maker *make, int count, int return_when)
{
    async_task *tasks[MAX_CHILDREN] = {NULL};
    for (int i = 0; i < count; i++) {
        tasks[i] = caller->children[i] != NULL ? caller->children[i] : make(caller);
        caller->children[i] = NULL;
    }
    int result = async_wait(tasks, (size_t)count, (async_return_when)return_when, INFINITY);
    for (int i = 0; i < count; i++) {
        CHECK(tasks[i]->references == 1);
        async_task_cancel(tasks[i]);
        async_ignore(async_no_cancel(async_await(tasks[i])));
    }
    CHECK(result < 0 || result <= count);
    return result < 0 ? result : 0;
}

static int wait_for_one(struct caller *caller)
{
    return wait_for_children(caller, make_obedient, 1, ASYNC_FIRST_COMPLETED);
}

static int wait_for_first(struct caller *caller)
{
    return wait_for_children(caller, make_obedient, 2, ASYNC_FIRST_COMPLETED);
}

static int wait_for_pair(struct caller *caller)
{
    return wait_for_children(caller, make_obedient, 2, ASYNC_ALL_COMPLETED);
}

static int wait_for_ended(struct caller *caller)
{
    return wait_for_children(caller, make_succeeding, 1, ASYNC_ALL_COMPLETED);
}

SWITCHING_CALL(wait_for_a_task_that_waits, async_wait, .kind = WATCHES, .set = set_obedient,
               .make = wait_for_one, .supply = supply_item, .left = items_left,
               .check = check_queue);
SWITCHING_CALL(wait_for_the_first_of_two, async_wait, .kind = WATCHES, .set = set_obedient_pairs,
               .make = wait_for_first, .supply = supply_pair, .left = items_left,
               .check = check_queue);
SWITCHING_CALL(wait_for_both_of_two, async_wait, .kind = WATCHES, .set = set_obedient_pairs,
               .make = wait_for_pair, .supply = supply_pair, .left = items_left,
               .check = check_queue);
SWITCHING_CALL(wait_for_a_task_that_has_ended, async_wait, .kind = NEED_NOT_WAIT,
               .set = set_succeeding, .make = wait_for_ended);

/* ---- wait_for ------------------------------------------------------------------------------- */

static int wait_for_child(struct caller *caller, child_maker *make)
{
    async_task *child = take_child(caller, 0, make);
    int result = async_wait_for(child, INFINITY);
    check_taken(child);
    return result;
}

static int limit_obedient(struct caller *caller)
{
    return wait_for_child(caller, make_obedient);
}

static int limit_insistent(struct caller *caller)
{
    return wait_for_child(caller, make_insistent);
}

static int limit_sleeper(struct caller *caller)
{
    return wait_for_child(caller, make_sleeper);
}

static int limit_succeeding(struct caller *caller)
{
    return wait_for_child(caller, make_succeeding);
}

SWITCHING_CALL(wait_for_of_a_task_that_waits, async_wait_for, .kind = JOINS, .in_line = true,
               .set = set_obedient, .make = limit_obedient, .supply = supply_item,
               .left = items_left, .check = check_queue);
SWITCHING_CALL(wait_for_of_a_task_that_sleeps, async_wait_for, .kind = JOINS_SLEEPER,
               .set = set_sleepers, .make = limit_sleeper);
SWITCHING_CALL(wait_for_of_a_task_that_succeeds_despite_cancel, async_wait_for, .kind = JOINS_SURE,
               .set = set_insistent, .make = limit_insistent, .supply = supply_item,
               .left = items_left, .check = check_queue);
SWITCHING_CALL(wait_for_of_a_task_that_has_ended, async_wait_for, .kind = JOINS_SURE,
               .set = set_succeeding, .make = limit_succeeding);

/* ---- shield --------------------------------------------------------------------------------- */

/* The child goes on when the call is refused; it is ended here. */
static int shield_child(struct caller *caller, child_maker *make)
{
    async_task *child = take_child(caller, 0, make);
    int result = async_shield(child);
    CHECK(child->references == 1);
    CHECK(result == -ECANCELED || async_task_done(child));
    async_task_cancel(child);
    async_ignore(async_no_cancel(async_await(child)));
    return result;
}

static int shield_obedient(struct caller *caller)
{
    return shield_child(caller, make_obedient);
}

static int shield_succeeding(struct caller *caller)
{
    return shield_child(caller, make_succeeding);
}

SWITCHING_CALL(shield_of_a_task_that_waits, async_shield, .kind = WATCHES, .set = set_obedient,
               .make = shield_obedient, .supply = supply_item, .left = items_left,
               .check = check_queue);
SWITCHING_CALL(shield_of_a_task_that_has_ended, async_shield, .kind = NEED_NOT_WAIT,
               .set = set_succeeding, .make = shield_succeeding);

/* ---- task groups ---------------------------------------------------------------------------- */

typedef int child_body(struct caller *parent);

/* A child that is created in the group runs like one that was created before the callers. */
static int run_child(child_body *body, struct caller *parent)
{
    return body(parent);
}
async_fn(run_child, child_body *, struct caller *);

static int wait_for_group(struct caller *caller, child_body *body, int count)
{
    ASYNC_TASK_GROUP(group);
    caller->running += count;
    for (int i = 0; i < count; i++)
        CHECK(async_group_create_task(&group, run_child, body, caller) != NULL);
    return async_group_wait(&group);
}

static int group_of_waiting(struct caller *caller)
{
    return wait_for_group(caller, obey, 2);
}

static int group_of_insistent(struct caller *caller)
{
    return wait_for_group(caller, insist, 1);
}

static int group_of_sleeping(struct caller *caller)
{
    return wait_for_group(caller, sleep_on, 1);
}

static int group_of_none(struct caller *caller)
{
    return wait_for_group(caller, succeed, 0);
}

SWITCHING_CALL(group_wait_for_two_that_wait, async_group_wait, .kind = DEPENDS, .set = set_queue,
               .make = group_of_waiting, .supply = supply_pair, .left = items_left,
               .check = check_queue);
SWITCHING_CALL(group_wait_for_one_that_succeeds_despite_cancel, async_group_wait,
               .kind = JOINS_SURE, .set = set_queue, .make = group_of_insistent,
               .supply = supply_item, .left = items_left, .check = check_queue);
SWITCHING_CALL(group_wait_for_one_that_sleeps, async_group_wait, .kind = DEPENDS,
               .make = group_of_sleeping);
SWITCHING_CALL(group_wait_for_none, async_group_wait, .kind = JOINS_SURE, .make = group_of_none);

/*
 * It borrows: the children that it did not wait for are cancelled and awaited when the group is
 * left.
 */
static int next_of_group(struct caller *caller, child_body *body, int count)
{
    async_task *ended;
    ASYNC_TASK_GROUP(group);
    caller->running += count;
    for (int i = 0; i < count; i++)
        CHECK(async_group_create_task(&group, run_child, body, caller) != NULL);
    int result = async_group_next(&group, &ended);
    CHECK((ended == NULL) == (result < 0));
    return result;
}

static int next_of_waiting(struct caller *caller)
{
    return next_of_group(caller, obey, 2);
}

static int next_of_none(struct caller *caller)
{
    return next_of_group(caller, obey, 0);
}

SWITCHING_CALL(group_next_of_two_that_wait, async_group_next, .kind = DEPENDS, .set = set_queue,
               .make = next_of_waiting, .supply = supply_pair, .left = items_left,
               .check = check_queue);
SWITCHING_CALL(group_next_of_none, async_group_next, .kind = NEED_NOT_WAIT, .gives = -ENODATA,
               .make = next_of_none);

/* ---- wait_started --------------------------------------------------------------------------- */

/* Calls async_set_started when it has an item. */
static int start_late(struct caller *parent)
{
    int result = obey(parent);
    return result < 0 ? result : async_set_started(0);
}
async_fn(start_late, struct caller *);

static async_task *make_starter(struct caller *parent)
{
    parent->running++;
    return async_create_task(start_late, parent);
}

static void set_starters(struct scene *scene)
{
    set_children(scene, make_starter, NULL);
}

static int wait_started_of(struct caller *caller, child_maker *make)
{
    async_task *child = take_child(caller, 0, make);
    int result = async_task_wait_started(child);
    CHECK_EQ(child->references, 2);
    async_task_detach(child);
    async_task_cancel(child);
    async_ignore(async_no_cancel(async_await(child)));
    return result;
}

static int wait_started(struct caller *caller)
{
    return wait_started_of(caller, make_starter);
}

static int start_and_succeed(struct caller *parent)
{
    CHECK_EQ(async_set_started(0), 0);
    return succeed(parent);
}
async_fn(start_and_succeed, struct caller *);

static async_task *make_started(struct caller *parent)
{
    parent->running++;
    return async_create_task(start_and_succeed, parent);
}

static int wait_already_started(struct caller *caller)
{
    return wait_started_of(caller, make_started);
}

static void set_started(struct scene *scene)
{
    set_children(scene, make_started, NULL);
}

SWITCHING_CALL(wait_started_of_one_that_waits, async_task_wait_started, .kind = WATCHES,
               .set = set_starters, .make = wait_started, .supply = supply_item, .left = items_left,
               .check = check_queue);
SWITCHING_CALL(wait_started_of_one_that_has_started, async_task_wait_started, .kind = NEED_NOT_WAIT,
               .set = set_started, .make = wait_already_started);

/* ---- task_wait ------------------------------------------------------------------------------ */

/* The child goes on when the call is refused; it is ended here. */
static int borrow_child(struct caller *caller, child_maker *make)
{
    async_task *child = take_child(caller, 0, make);
    int result = async_task_wait(child);
    CHECK_EQ(child->references, 2);
    CHECK(result == -ECANCELED || async_task_done(child));
    async_task_detach(child);
    async_task_cancel(child);
    async_ignore(async_no_cancel(async_await(child)));
    return result;
}

static int borrow_obedient(struct caller *caller)
{
    return borrow_child(caller, make_obedient);
}

static int borrow_succeeding(struct caller *caller)
{
    return borrow_child(caller, make_succeeding);
}

SWITCHING_CALL(task_wait_of_a_task_that_waits, async_task_wait, .kind = WATCHES,
               .set = set_obedient, .make = borrow_obedient, .supply = supply_item,
               .left = items_left, .check = check_queue);
SWITCHING_CALL(task_wait_of_a_task_that_has_ended, async_task_wait, .kind = NEED_NOT_WAIT,
               .set = set_succeeding, .make = borrow_succeeding);

/* ---- as_completed --------------------------------------------------------------------------- */

static int next_completed(struct caller *caller, child_maker *make, int count)
{
    async_task *tasks[MAX_CHILDREN] = {NULL};
    async_auto_completion it = {0};
    for (int i = 0; i < count; i++) {
        tasks[i] = caller->children[i] != NULL ? caller->children[i] : make(caller);
        caller->children[i] = NULL;
    }
    CHECK_EQ(async_as_completed(&it, tasks, (size_t)count, INFINITY), 0);
    int result = async_completion_next(&it);
    for (int i = 0; i < count; i++) {
        CHECK(tasks[i]->references == 1);
        async_task_cancel(tasks[i]);
        async_ignore(async_no_cancel(async_await(tasks[i])));
    }
    CHECK(result < count);
    return result;
}

static int next_completed_of_waiting(struct caller *caller)
{
    return next_completed(caller, make_obedient, 2);
}

static int next_completed_of_ended(struct caller *caller)
{
    return next_completed(caller, make_succeeding, 1);
}

SWITCHING_CALL(completion_next_of_two_that_wait, async_completion_next, .kind = WATCHES,
               .set = set_obedient_pairs, .make = next_completed_of_waiting, .supply = supply_pair,
               .left = items_left, .check = check_queue);
SWITCHING_CALL(completion_next_of_one_that_has_ended, async_completion_next, .kind = NEED_NOT_WAIT,
               .set = set_succeeding, .make = next_completed_of_ended);

/* ---- staggered_race ------------------------------------------------------------------------- */

static int attempt_obedient(size_t index, void *caller)
{
    ((struct caller *)caller)->running++;
    (void)index;
    return obey(caller);
}

static int attempt_insistent(size_t index, void *caller)
{
    ((struct caller *)caller)->running++;
    (void)index;
    return insist(caller);
}

static int race_of_obedient(struct caller *caller)
{
    int result = async_staggered_race(attempt_obedient, caller, 2, INFINITY);
    CHECK(result <= 1);
    return result > 0 ? 0 : result;
}

static int race_of_insistent(struct caller *caller)
{
    return async_staggered_race(attempt_insistent, caller, 1, 0);
}

SWITCHING_CALL(race_of_two_that_wait, async_staggered_race, .kind = DEPENDS, .set = set_queue,
               .make = race_of_obedient, .supply = supply_item, .left = items_left,
               .check = check_queue);
SWITCHING_CALL(race_of_one_that_succeeds_despite_cancel, async_staggered_race, .kind = DEPENDS,
               .set = set_queue, .make = race_of_insistent, .supply = supply_item,
               .left = items_left, .check = check_queue);
