/*
 * test_redis_storm.c: queues in Redis whose processes, connections and server are killed, at small
 * sizes. `make redis-storm` has the large ones, and those that measure times.
 */
#include "run/runner.h"

SCRIPT_TEST(redis_storm_loses_nothing, "tests/scripts/redis_storm.py", "2000", "storm");
SCRIPT_TEST(redis_storm_item_kills_its_worker, "tests/scripts/redis_storm.py", "300", "poison");
SCRIPT_TEST(redis_storm_memory_is_used_up, "tests/scripts/redis_storm.py", "0", "full");
SCRIPT_TEST(redis_storm_file_is_cut, "tests/scripts/redis_storm.py", "0", "cut");
