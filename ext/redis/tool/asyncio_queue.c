/*
 * asyncio-queue: looks at queues in Redis, and repairs them.
 *
 *     asyncio-queue list                   all queues by name, with the number of their items
 *     asyncio-queue peek NAME [COUNT]      the oldest items
 *     asyncio-queue dead NAME [COUNT]      the items that were given up, with the reasons
 *     asyncio-queue retry NAME ID…|all     puts dead items back
 *     asyncio-queue drop NAME ID…|all      forgets dead items
 *     asyncio-queue stats                  the numbers of all queues, as Prometheus reads them
 *
 * The server is that of the option -u URL, else of REDIS_URL in the environment, else
 * redis://localhost:6379. The exit status is 0, 1 after an error, or 2 if the arguments are wrong.
 */
#include <asyncio.h>
#include <asyncio/redis.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WRONG_USAGE = 2, NAME_BYTES = 256, SHOWN_BYTES = 60, DEFAULT_COUNT = 10 };
enum { MOST_PRIORITIES = 16 }; /* of a queue: the streams s, s1, s2 … */

static const char usage[] = "usage: asyncio-queue [-u URL] list\n"
                            "       asyncio-queue [-u URL] peek|dead NAME [COUNT]\n"
                            "       asyncio-queue [-u URL] retry|drop NAME ID...|all\n"
                            "       asyncio-queue [-u URL] stats\n";

/* What was asked for. */
struct request {
    const char *url, *name;
    char *const *rest; /* the arguments behind the name */
    int count;         /* of them */
};

/* ---- numbers -------------------------------------------------------------------------------- */

struct numbers {
    int64_t waiting, taken, later, dead;
    double oldest; /* seconds since the oldest item was put or tried again */
};

static int ask_integer(async_redis *redis, int64_t *value, const char *format, const char *name)
{
    async_auto_redis_reply *reply = NULL;
    ASYNC_TRY(async_redis_command(redis, &reply, format, name));
    return async_redis_reply_integer(reply, value);
}

/* The key of the stream of a priority. */
static void name_stream(char *key, size_t size, const char *name, int priority)
{
    int length = snprintf(key, size, "{%s}:s", name);
    if (priority > 0)
        snprintf(key + length, size - (size_t)length, "%d", priority);
}

/* An id begins with the milliseconds at which Redis made it. */
static int ask_age(async_redis *redis, const char *stream, int64_t now, double *oldest)
{
    async_auto_redis_reply *first = NULL;
    const char *id;
    ASYNC_TRY(async_redis_command(redis, &first, "XRANGE %s - + COUNT 1", stream));
    const async_redis_reply *entry = async_redis_reply_at(first, 0);
    if (async_redis_reply_text(async_redis_reply_at(entry, 0), &id) <= 0)
        return 0;
    double seconds = (double)now - strtod(id, NULL) / 1000; /* now is in whole seconds */
    *oldest = seconds > *oldest ? seconds : *oldest;
    return 0;
}

/* A queue without a group has no item that is taken. */
static int ask_taken(async_redis *redis, const char *stream, int64_t *taken)
{
    async_auto_redis_reply *reply = NULL;
    int result = async_redis_command(redis, &reply, "XPENDING %s w", stream);
    *taken = 0;
    if (result == -ENOENT)
        return 0;
    ASYNC_TRY(result);
    return async_redis_reply_integer(async_redis_reply_at(reply, 0), taken);
}

static int add_stream(async_redis *redis, const char *name, int priority, int64_t now,
                      struct numbers *numbers)
{
    char stream[NAME_BYTES + 16];
    int64_t all, taken;
    name_stream(stream, sizeof stream, name, priority);
    ASYNC_TRY(ask_integer(redis, &all, "XLEN %s", stream));
    if (all == 0)
        return 0;
    ASYNC_TRY(ask_taken(redis, stream, &taken));
    numbers->taken += taken;
    numbers->waiting += all - taken;
    return ask_age(redis, stream, now, &numbers->oldest);
}

static int ask_numbers(async_redis *redis, const char *name, struct numbers *numbers)
{
    async_auto_redis_reply *time = NULL;
    int64_t now;
    *numbers = (struct numbers){.oldest = 0};
    ASYNC_TRY(async_redis_command(redis, &time, "TIME"));
    ASYNC_TRY(async_redis_reply_integer(async_redis_reply_at(time, 0), &now));
    for (int i = 0; i < MOST_PRIORITIES; i++)
        ASYNC_TRY(add_stream(redis, name, i, now, numbers));
    ASYNC_TRY(ask_integer(redis, &numbers->later, "ZCARD {%s}:later", name));
    return ask_integer(redis, &numbers->dead, "XLEN {%s}:dead", name);
}

/* ---- all queues ----------------------------------------------------------------------------- */

/* Takes the name out of {name}:s; false: it is another key. */
static bool read_name(const char *key, char *name)
{
    size_t length = strlen(key);
    if (length < 5 || length - 4 >= NAME_BYTES || key[0] != '{' ||
        strcmp(key + length - 3, "}:s") != 0)
        return false;
    memcpy(name, key + 1, length - 4);
    name[length - 4] = 0;
    return true;
}

/* Owned texts. */
struct names {
    char **names;
    size_t count, capacity;
};

static void free_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->names[i]);
    free(names->names);
}

static int add_name(struct names *names, const char *name)
{
    if (names->count == names->capacity) {
        size_t capacity = names->capacity > 0 ? 2 * names->capacity : 64;
        char **more = realloc(names->names, capacity * sizeof *more);
        if (more == NULL)
            return -ENOMEM;
        names->names = more;
        names->capacity = capacity;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return -ENOMEM;
    names->names[names->count++] = copy;
    return 0;
}

static int add_page(struct names *names, const async_redis_reply *keys)
{
    char name[NAME_BYTES];
    const char *key;
    for (size_t i = 0; i < async_redis_reply_size(keys); i++)
        if (async_redis_reply_text(async_redis_reply_at(keys, i), &key) > 0 && read_name(key, name))
            ASYNC_TRY(add_name(names, name));
    return 0;
}

/* A name may come several times: Redis moves keys while it is asked. */
static int find_names(async_redis *redis, struct names *names)
{
    int64_t cursor = 0;
    do {
        async_auto_redis_reply *reply = NULL;
        ASYNC_TRY(async_redis_command(redis, &reply, "SCAN %lld MATCH {*}:s COUNT 1000 TYPE stream",
                                      (long long)cursor));
        ASYNC_TRY(async_redis_reply_integer(async_redis_reply_at(reply, 0), &cursor));
        ASYNC_TRY(add_page(names, async_redis_reply_at(reply, 1)));
    } while (cursor != 0);
    return 0;
}

static int compare_names(const void *one, const void *other)
{
    return strcmp(*(char *const *)one, *(char *const *)other);
}

/* By name, each once. */
static int show_all(async_redis *redis, int (*show)(async_redis *redis, const char *name))
{
    struct names names = {NULL, 0, 0};
    int result = find_names(redis, &names);
    if (names.count > 0)
        qsort(names.names, names.count, sizeof *names.names, compare_names);
    for (size_t i = 0; i < names.count && result == 0; i++)
        if (i == 0 || strcmp(names.names[i - 1], names.names[i]) != 0)
            result = show(redis, names.names[i]);
    free_names(&names);
    return result;
}

static int print_row(async_redis *redis, const char *name)
{
    struct numbers numbers;
    char shown[NAME_BYTES];
    ASYNC_TRY(ask_numbers(redis, name, &numbers));
    async_printable(shown, sizeof shown, name, strlen(name));
    printf("%-30s %10" PRId64 " %8" PRId64 " %8" PRId64 " %8" PRId64 " %10.1f\n", shown,
           numbers.waiting, numbers.taken, numbers.later, numbers.dead, numbers.oldest);
    return 0;
}

static int list(async_redis *redis, const struct request *request)
{
    (void)request;
    printf("%-30s %10s %8s %8s %8s %10s\n", "queue", "waiting", "taken", "later", "dead",
           "oldest s");
    return show_all(redis, print_row);
}

/* ---- Prometheus ----------------------------------------------------------------------------- */

/* A label's value: backslashes and quotes are escaped. */
static void print_label(const char *name)
{
    for (; *name != 0; name++) {
        if (*name == '\\' || *name == '"')
            putchar('\\');
        if (*name == '\n')
            fputs("\\n", stdout);
        else
            putchar(*name);
    }
}

static void print_sample(const char *metric, const char *name, const char *state, double value)
{
    printf("%s{queue=\"", metric);
    print_label(name);
    printf(state != NULL ? "\",state=\"%s\"} %.15g\n" : "\"%s} %.15g\n", state != NULL ? state : "",
           value);
}

static int print_samples(async_redis *redis, const char *name)
{
    struct numbers numbers;
    ASYNC_TRY(ask_numbers(redis, name, &numbers));
    print_sample("asyncio_queue_items", name, "waiting", (double)numbers.waiting);
    print_sample("asyncio_queue_items", name, "taken", (double)numbers.taken);
    print_sample("asyncio_queue_items", name, "later", (double)numbers.later);
    print_sample("asyncio_queue_items", name, "dead", (double)numbers.dead);
    print_sample("asyncio_queue_oldest_seconds", name, NULL, numbers.oldest);
    return 0;
}

static int stats(async_redis *redis, const struct request *request)
{
    (void)request;
    puts("# TYPE asyncio_queue_items gauge\n# TYPE asyncio_queue_oldest_seconds gauge");
    return show_all(redis, print_samples);
}

/* ---- items ---------------------------------------------------------------------------------- */

static const char *text_of(const async_redis_reply *reply, int *size)
{
    const char *text;
    *size = async_redis_reply_text(reply, &text);
    return *size >= 0 ? text : "";
}

/* The beginning. Structs may end with many zero bytes. */
static void print_bytes(const char *bytes, int size)
{
    char shown[4 * SHOWN_BYTES + 1];
    int used = size;
    while (used > 0 && bytes[used - 1] == 0)
        used--;
    async_printable(shown, sizeof shown, bytes, (size_t)(used < SHOWN_BYTES ? used : SHOWN_BYTES));
    printf("%d bytes: %s", size, shown);
    if (used > SHOWN_BYTES)
        puts("…");
    else if (used < size)
        printf(" and %d zero bytes\n", size - used);
    else
        putchar('\n');
}

/* A text of an entry between two others, as one line. */
static void print_text(const char *before, const async_redis_reply *reply, const char *behind)
{
    int size;
    const char *text = text_of(reply, &size);
    char shown[4 * SHOWN_BYTES + 1];
    async_printable(shown, sizeof shown, text, size > 0 ? (size_t)size : 0);
    printf("%s%s%s", before, shown, behind);
}

/* id  tries  [reason]  bytes */
static void print_item(const async_redis_reply *entry, bool is_dead)
{
    int size;
    const async_redis_reply *fields = async_redis_reply_at(entry, 1);
    const async_redis_reply *tries = async_redis_reply_get(fields, "n");
    const char *bytes = text_of(async_redis_reply_get(fields, "b"), &size);
    print_text("", async_redis_reply_at(entry, 0), "  ");
    if (async_redis_reply_type(tries) == ASYNC_REDIS_NIL)
        fputs("tries 0  ", stdout);
    else
        print_text("tries ", tries, "  ");
    if (is_dead)
        print_text("(", async_redis_reply_get(fields, "e"), ")  ");
    print_bytes(bytes, size > 0 ? size : 0);
}

/* At most *count, which is less by those that were printed. */
static int print_items(async_redis *redis, const char *stream, bool is_dead, int *count)
{
    async_auto_redis_reply *reply = NULL;
    ASYNC_TRY(async_redis_command(redis, &reply, "XRANGE %s - + COUNT %d", stream, *count));
    for (size_t i = 0; i < async_redis_reply_size(reply); i++)
        print_item(async_redis_reply_at(reply, i), is_dead);
    *count -= (int)async_redis_reply_size(reply);
    return 0;
}

static int read_count(const struct request *request, int *count)
{
    *count = request->count > 0 ? atoi(request->rest[0]) : DEFAULT_COUNT;
    return *count > 0 ? 0 : async_fail(-EINVAL, "COUNT is a number above 0");
}

/* Those of the first priority first, as they are taken. */
static int peek(async_redis *redis, const struct request *request)
{
    char stream[NAME_BYTES + 16];
    int count;
    ASYNC_TRY(read_count(request, &count));
    for (int i = 0; i < MOST_PRIORITIES && count > 0; i++) {
        name_stream(stream, sizeof stream, request->name, i);
        ASYNC_TRY(print_items(redis, stream, false, &count));
    }
    return 0;
}

static int dead(async_redis *redis, const struct request *request)
{
    char stream[NAME_BYTES + 16];
    int count;
    ASYNC_TRY(read_count(request, &count));
    snprintf(stream, sizeof stream, "{%s}:dead", request->name);
    return print_items(redis, stream, true, &count);
}

/* ---- dead items ----------------------------------------------------------------------------- */

/*
 * dead, stream of the first priority; id. 1: it is back, as if it had never failed; 0: it was not
 * there.
 */
static async_redis_script retry_one = {
    .text = "local entry = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]\n"
            "if not entry then return 0 end\n"
            "local f, fields = entry[2], {}\n"
            "for k = 1, #f, 2 do fields[f[k]] = f[k + 1] end\n"
            "local stream = KEYS[2]\n"
            "stream = stream .. (string.match(fields.p or '', '^[1-9]%d?$') or '')\n"
            "redis.call('XADD', stream, '*', 't', fields.t or '', 'b', fields.b or '',\n"
            "  'i', fields.i or ARGV[1])\n"
            "return redis.call('XDEL', KEYS[1], ARGV[1])"};

static async_redis_script drop_one = {.text = "return redis.call('XDEL', KEYS[1], ARGV[1])"};

static int id_of(const async_redis_reply *entry, const char **id)
{
    return async_redis_reply_text(async_redis_reply_at(entry, 0), id);
}

static int act_on(async_redis *redis, const struct request *request, async_redis_script *script,
                  const char *id, int64_t *count)
{
    async_auto_redis_reply *reply = NULL;
    int64_t done;
    ASYNC_TRY(async_redis_eval(redis, &reply, script, "2 {%s}:dead {%s}:s %s", request->name,
                               request->name, id));
    ASYNC_TRY(async_redis_reply_integer(reply, &done));
    *count += done;
    return 0;
}

/* Up to the last one that is there now: workers may make more meanwhile. */
static int act_on_all(async_redis *redis, const struct request *request, async_redis_script *script,
                      int64_t *count)
{
    async_auto_redis_reply *newest = NULL;
    const char *name = request->name, *last, *id;
    ASYNC_TRY(async_redis_command(redis, &newest, "XREVRANGE {%s}:dead + - COUNT 1", name));
    if (async_redis_reply_size(newest) == 0)
        return 0;
    ASYNC_TRY(id_of(async_redis_reply_at(newest, 0), &last));
    for (;;) {
        async_auto_redis_reply *page = NULL;
        ASYNC_TRY(async_redis_command(redis, &page, "XRANGE {%s}:dead - %s COUNT 100", name, last));
        if (async_redis_reply_size(page) == 0)
            return 0;
        for (size_t i = 0; i < async_redis_reply_size(page); i++) {
            ASYNC_TRY(id_of(async_redis_reply_at(page, i), &id));
            ASYNC_TRY(act_on(redis, request, script, id, count));
        }
    }
}

static int act(async_redis *redis, const struct request *request, async_redis_script *script,
               const char *done)
{
    int64_t count = 0;
    int result = 0;
    if (request->count == 0)
        return async_fail(-EINVAL, "which items? give their ids, or: all");
    if (strcmp(request->rest[0], "all") == 0)
        result = act_on_all(redis, request, script, &count);
    else
        for (int i = 0; i < request->count && result == 0; i++)
            result = act_on(redis, request, script, request->rest[i], &count);
    printf("%" PRId64 " %s\n", count, done);
    return result;
}

static int retry(async_redis *redis, const struct request *request)
{
    return act(redis, request, &retry_one, "put back");
}

static int drop(async_redis *redis, const struct request *request)
{
    return act(redis, request, &drop_one, "dropped");
}

/* ---- the program ---------------------------------------------------------------------------- */

struct action {
    const char *word;
    int (*run)(async_redis *redis, const struct request *request);
    bool needs_name;
};

static const struct action actions[] = {{"list", list, false}, {"peek", peek, true},
                                        {"dead", dead, true},  {"retry", retry, true},
                                        {"drop", drop, true},  {"stats", stats, false}};

static int connect_and_act(const struct action *action, const struct request *request)
{
    async_auto_wait_redis *redis = NULL;
    ASYNC_TRY(async_redis_connect(&redis, request->url, NULL));
    return action->run(redis, request);
}

static int run(const struct action *action, const struct request *request)
{
    int result = connect_and_act(action, request);
    if (result == 0 || result == -ECANCELED)
        return result;
    fprintf(stderr, "asyncio-queue: %s\n", async_strerror(result));
    return EXIT_FAILURE;
}
async_fn(run, const struct action *, const struct request *);

/* NULL: the arguments are wrong. */
static const struct action *find_action(const char *word, int count)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (strcmp(actions[i].word, word) == 0 && count >= (actions[i].needs_name ? 1 : 0))
            return &actions[i];
    return NULL;
}

int main(int count, char **arguments)
{
    struct request request = {.url = getenv("REDIS_URL")};
    int option;
    while ((option = getopt(count, arguments, "u:")) == 'u')
        request.url = optarg;
    char *const *words = arguments + optind;
    const int left = count - optind;
    const struct action *action = option == -1 && left > 0 ? find_action(words[0], left - 1) : NULL;
    if (left > 1 && strlen(words[1]) >= NAME_BYTES)
        action = NULL;
    if (action == NULL) {
        fputs(usage, stderr);
        return WRONG_USAGE;
    }
    request.name = left > 1 ? words[1] : NULL;
    request.rest = words + 2;
    request.count = left > 2 ? left - 2 : 0;
    return async_main(run, action, &request);
}
