/*
 * test_tls_redis.c: the Redis client over TLS: commands, a server that is not trusted, and a URL
 * without a context.
 */
#include "redis/fake_redis.h"
#include "secure.h"

static void open_server(struct fake_redis *fake)
{
    const async_tls_options identity = {.certificate = test_certificates()->server};
    *fake = (struct fake_redis){.server = NULL};
    CHECK_EQ(async_tls_server_new(&fake->tls, &identity), 0);
    fake_open(fake);
}

static void close_server(struct fake_redis *fake)
{
    fake_close(fake);
    async_tls_free(fake->tls);
}

LOOP_TEST(tls_redis_client_talks_to_a_server_that_it_trusts)
{
    const async_tls_options trusted = {.ca = test_certificates()->authority};
    async_auto_tls *tls = NULL;
    struct fake_redis fake;
    open_server(&fake);
    CHECK_EQ(async_tls_client_new(&tls, &trusted), 0);
    const async_redis_options options = {.tls = tls};
    async_redis *redis = fake_client(&fake, &options);
    CHECK_EQ(async_redis_command(redis, NULL, "SET a %b", "x", (size_t)1), 0);
    CHECK_EQ(async_redis_blocking_command(redis, NULL, "BLPOP a 0"), 0);
    async_redis_free_wait(redis);
    close_server(&fake);
    return 0;
}

LOOP_TEST(tls_redis_client_refuses_a_server_that_it_does_not_trust)
{
    async_auto_tls *tls = NULL;
    async_redis *redis;
    struct fake_redis fake;
    open_server(&fake);
    CHECK_EQ(async_tls_client_new(&tls, NULL), 0);
    const async_redis_options options = {.tls = tls};
    CHECK_EQ(async_redis_connect(&redis, fake.url, &options), -EKEYREJECTED);
    CHECK_EQ(async_redis_connect(&redis, fake.url, NULL), -EINVAL);
    CHECK(redis == NULL);
    close_server(&fake);
    return 0;
}
