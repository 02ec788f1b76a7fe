/*
 * name_forwarder.c: a caching DNS forwarder: `name_forwarder 5353 9.9.9.9 1.1.1.1`, then `dig
 * @127.0.0.1 -p 5353 example.com`. An upstream may have a port: 127.0.0.1:5300. It listens on the
 * loopback interface, over UDP; answers that do not fit are truncated (TC).
 *
 * Each query is a task. Equal queries wait for the same answer. An answer is cached for the
 * smallest TTL of its records. -e: maximal number of cached answers (1000); -t: seconds until an
 * upstream must have answered (1). Every upstream is asked twice before the answer is SERVFAIL.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <asyncio.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD = 12, MAX_NAME = 255, MAX_PACKET = 4096, PLAIN_PACKET = 512, MAX_TTL = 86400 };
enum { MAX_AT_ONCE = 1000, ROWS = 1024, MAX_UPSTREAMS = 8, ROUNDS = 2 };
enum { OK = 0, FORMERR = 1, SERVFAIL = 2, NXDOMAIN = 3, NOTIMP = 4 };
enum {
    FLAG_QR = 0x80,
    FLAG_TC = 0x02,
    FLAG_RD = 0x01,
    FLAG_RA = 0x80,
    FLAG_CD = 0x10,
    FLAG_DO = 0x80
};
enum { TYPE_SOA = 6, TYPE_OPT = 41 };

struct packet {
    size_t size;
    uint8_t bytes[MAX_PACKET];
};

/* The name in lower case, type, class, flags: equal queries have equal keys. */
struct key {
    size_t size;
    uint8_t bytes[MAX_NAME + 5];
};

struct query {
    struct sockaddr_in from;
    struct packet packet;
    struct key key;
    size_t question_end; /* offset in the packet */
    size_t most;         /* bytes that the client accepts */
    bool edns;
};

/* A cached or awaited answer. */
struct entry {
    struct entry *next_in_row, *older, *newer;
    struct key key;
    struct packet packet; /* size is 0: no answer */
    double asked, expires;
    async_event done;
    int users; /* tasks that wait for it or copy it */
};

struct forwarder {
    int socket;
    double timeout_s;
    struct sockaddr_in upstreams[MAX_UPSTREAMS];
    size_t upstream_count, most_entries, entry_count, at_once;
    struct entry *rows[ROWS], *oldest, *newest;
};

/* ---- packets ---- */

static uint32_t get(const uint8_t *at, int bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static void put(uint8_t *at, int bytes, uint32_t value)
{
    while (bytes-- > 0) {
        at[bytes] = (uint8_t)value;
        value >>= 8;
    }
}

static int code_of(const struct packet *packet)
{
    return packet->bytes[3] & 15;
}

/* Returns the offset after the name; a pointer ends a name. 0: malformed. */
static size_t skip_name(const struct packet *packet, size_t at)
{
    for (size_t begin = at; at < packet->size && at - begin < MAX_NAME;
         at += 1u + packet->bytes[at]) {
        if (packet->bytes[at] == 0)
            return at + 1;
        if (packet->bytes[at] >= 0xc0)
            return at + 2 <= packet->size ? at + 2 : 0;
        if (packet->bytes[at] >= 0x40)
            return 0;
    }
    return 0;
}

struct record {
    size_t ttl_at, data_at; /* offsets in the packet */
    uint32_t type, class, ttl, size;
};

/* Reads the record at *at, and advances *at. False: malformed. */
static bool read_record(const struct packet *packet, size_t *at, struct record *record)
{
    size_t fixed = skip_name(packet, *at);
    if (fixed == 0 || packet->size - fixed < 10)
        return false;
    const uint8_t *bytes = packet->bytes + fixed;
    *record = (struct record){fixed + 4,         fixed + 10,        get(bytes, 2),
                              get(bytes + 2, 2), get(bytes + 4, 4), get(bytes + 8, 2)};
    *at = record->data_at + record->size;
    return *at <= packet->size;
}

static uint32_t record_count(const struct packet *packet)
{
    return get(packet->bytes + 6, 2) + get(packet->bytes + 8, 2) + get(packet->bytes + 10, 2);
}

/* Reads the question of a packet that has exactly one. Returns its end; 0: malformed. */
static size_t read_question(const struct packet *packet, struct key *key)
{
    size_t end = skip_name(packet, HEAD);
    if (get(packet->bytes + 4, 2) != 1 || end == 0 || end - HEAD > MAX_NAME ||
        packet->bytes[end - 1] != 0 || packet->size - end < 4)
        return 0;
    key->size = end + 4 - HEAD;
    memcpy(key->bytes, packet->bytes + HEAD, key->size);
    for (size_t at = 0; key->bytes[at] != 0; at += 1u + key->bytes[at]) {
        if (key->bytes[at] >= 0x40)
            return 0; /* a pointer is invalid here: no name precedes it */
        for (size_t i = at + 1; i <= at + key->bytes[at]; i++)
            key->bytes[i] = (uint8_t)tolower(key->bytes[i]);
    }
    return end + 4;
}

/* Parses a query. Returns OK, or the code to answer. */
static int read_query(struct query *query)
{
    struct packet *packet = &query->packet;
    struct record record;
    uint8_t flags = (uint8_t)((packet->bytes[2] & FLAG_RD) | (packet->bytes[3] & FLAG_CD));
    query->most = PLAIN_PACKET;
    if ((packet->bytes[2] & 0x78) != 0)
        return NOTIMP;
    query->question_end = read_question(packet, &query->key);
    if (query->question_end == 0)
        return FORMERR;
    size_t at = query->question_end;
    for (uint32_t i = record_count(packet); i > 0; i--) {
        if (!read_record(packet, &at, &record))
            return FORMERR;
        if (record.type != TYPE_OPT)
            continue;
        query->edns = true;
        query->most = record.class < PLAIN_PACKET ? PLAIN_PACKET
                      : record.class < MAX_PACKET ? record.class
                                                  : MAX_PACKET;
        flags |= (uint8_t)(2 | (packet->bytes[record.ttl_at + 2] & FLAG_DO));
    }
    query->key.bytes[query->key.size++] = flags;
    return OK;
}

/*
 * Returns the seconds that an answer may be cached: the smallest TTL of its records; the SOA's
 * minimum for a negative answer; -1 if it is malformed.
 */
static double time_to_live(const struct packet *packet, size_t at)
{
    uint32_t least = MAX_TTL, answers = get(packet->bytes + 6, 2);
    bool has_soa = false;
    for (uint32_t i = record_count(packet); i > 0; i--) {
        struct record record;
        if (!read_record(packet, &at, &record))
            return -1;
        if (record.type == TYPE_OPT)
            continue;
        if (record.type == TYPE_SOA && record.size >= 22) {
            uint32_t minimum = get(packet->bytes + record.data_at + record.size - 4, 4);
            has_soa = true;
            least = minimum < least && answers == 0 ? minimum : least;
        }
        least = record.ttl < least ? record.ttl : least;
    }
    bool is_kept = code_of(packet) == OK || code_of(packet) == NXDOMAIN;
    return is_kept && (answers > 0 || has_soa) && (packet->bytes[2] & FLAG_TC) == 0 ? least : 0;
}

/* ---- the cache ---- */

static struct entry **row_of(struct forwarder *forwarder, const struct key *key)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < key->size; i++)
        hash = (hash ^ key->bytes[i]) * 16777619u;
    return &forwarder->rows[hash % ROWS];
}

static struct entry *find(struct forwarder *forwarder, const struct key *key)
{
    struct entry *entry = *row_of(forwarder, key);
    while (entry != NULL &&
           (entry->key.size != key->size || memcmp(entry->key.bytes, key->bytes, key->size) != 0))
        entry = entry->next_in_row;
    return entry;
}

/* Removes the entry; the last task that uses it frees it. */
static void forget(struct forwarder *forwarder, struct entry *entry)
{
    struct entry **place = row_of(forwarder, &entry->key);
    while (*place != entry)
        place = &(*place)->next_in_row;
    *place = entry->next_in_row;
    *(entry->older != NULL ? &entry->older->newer : &forwarder->oldest) = entry->newer;
    *(entry->newer != NULL ? &entry->newer->older : &forwarder->newest) = entry->older;
    forwarder->entry_count--;
    entry->expires = -1;
    if (entry->users == 0)
        free(entry);
}

/* Removes the oldest entries. Entries in use stay: they are at most as many as tasks. */
static void make_room(struct forwarder *forwarder)
{
    struct entry *entry = forwarder->oldest;
    while (entry != NULL && forwarder->entry_count >= forwarder->most_entries) {
        struct entry *newer = entry->newer;
        if (entry->users == 0)
            forget(forwarder, entry);
        entry = newer;
    }
}

static struct entry *remember(struct forwarder *forwarder, const struct key *key)
{
    make_room(forwarder);
    struct entry *entry = calloc(1, sizeof *entry), **row = row_of(forwarder, key);
    if (entry == NULL)
        return NULL;
    entry->key = *key;
    entry->expires = ASYNC_FOREVER; /* until it is answered */
    entry->next_in_row = *row;
    entry->older = forwarder->newest;
    *(entry->older != NULL ? &entry->older->newer : &forwarder->oldest) = entry;
    *row = forwarder->newest = entry;
    forwarder->entry_count++;
    return entry;
}

/* ---- upstreams ---- */

/* Writes the question for an upstream, with a random id. */
static void write_question(const struct query *query, struct packet *packet)
{
    uint16_t id;
    if (getrandom(&id, sizeof id, 0) != sizeof id)
        id = (uint16_t)random();
    uint8_t flags = query->key.bytes[query->key.size - 1];
    const uint8_t opt[11] = {0, 0, TYPE_OPT,       MAX_PACKET >> 8, MAX_PACKET & 255,
                             0, 0, flags & FLAG_DO};
    memset(packet->bytes, 0, HEAD);
    put(packet->bytes, 2, id);
    packet->bytes[2] = flags & FLAG_RD;
    packet->bytes[3] = flags & FLAG_CD;
    packet->bytes[5] = 1;
    packet->bytes[11] = query->edns;
    packet->size = query->question_end;
    memcpy(packet->bytes + HEAD, query->packet.bytes + HEAD, packet->size - HEAD);
    if (query->edns) {
        memcpy(packet->bytes + packet->size, opt, sizeof opt);
        packet->size += sizeof opt;
    }
}

/* Waits for an answer to this question; other packets are ignored. */
static int await_answer(int socket, const struct query *query, const struct packet *asked,
                        struct packet *packet)
{
    struct key key;
    for (;;) {
        int size;
        ASYNC_TRY(size = async_recv(socket, packet->bytes, sizeof packet->bytes, 0));
        packet->size = (size_t)size;
        if (size >= HEAD && memcmp(packet->bytes, asked->bytes, 2) == 0 &&
            (packet->bytes[2] & 0xf8) == FLAG_QR && read_question(packet, &key) != 0 &&
            key.size == query->key.size - 1 && memcmp(key.bytes, query->key.bytes, key.size) == 0 &&
            time_to_live(packet, query->question_end) >= 0)
            return 0;
    }
}

/* A new socket has an unpredictable port; connected, it receives only from this upstream. */
static int ask_one(struct forwarder *forwarder, size_t upstream, const struct query *query,
                   struct packet *packet)
{
    struct packet asked;
    const struct sockaddr_in *address = &forwarder->upstreams[upstream];
    int socket, result;
    ASYNC_TRY(socket = async_socket(AF_INET, SOCK_DGRAM, 0));
    write_question(query, &asked);
    result = async_connect(socket, (const struct sockaddr *)address, sizeof *address);
    if (result >= 0)
        result = async_send(socket, asked.bytes, asked.size, 0);
    if (result >= 0)
        result = async_timeout(forwarder->timeout_s, await_answer(socket, query, &asked, packet));
    async_close(socket);
    return result;
}

/* Gives the first useful answer, else the last one. Returns -errno if no answer arrived. */
static int ask_all(struct forwarder *forwarder, const struct query *query, struct packet *packet)
{
    int result = -ENOENT;
    for (size_t i = 0; i < ROUNDS * forwarder->upstream_count; i++) {
        result = ask_one(forwarder, i % forwarder->upstream_count, query, packet);
        if (result == -ECANCELED || (result == 0 && code_of(packet) != SERVFAIL))
            break;
    }
    return result;
}

/* ---- answers ---- */

static int send_packet(struct forwarder *forwarder, const struct query *query,
                       struct packet *packet)
{
    packet->bytes[2] |= FLAG_QR;
    return async_sendto(forwarder->socket, packet->bytes, packet->size, 0,
                        (const struct sockaddr *)&query->from, sizeof query->from);
}

/* Answers with the client's question, if it is well-formed, and a code. */
static int send_code(struct forwarder *forwarder, struct query *query, int code)
{
    struct packet *packet = &query->packet;
    packet->size = query->question_end > 0 ? query->question_end : HEAD;
    packet->bytes[2] &= 0x78 | FLAG_RD;
    packet->bytes[3] = (uint8_t)(FLAG_RA | (packet->bytes[3] & FLAG_CD) | code);
    put(packet->bytes + 4, 4, query->question_end > 0 ? 0x10000 : 0);
    put(packet->bytes + 8, 4, 0);
    return send_packet(forwarder, query, packet);
}

/* Sends a cached answer, with the TTLs reduced by its age. */
static int send_answer(struct forwarder *forwarder, const struct query *query,
                       const struct entry *entry)
{
    struct packet packet = entry->packet;
    struct record record;
    uint32_t age = (uint32_t)(async_time() - entry->asked);
    size_t at = query->question_end;
    for (uint32_t i = record_count(&packet); i > 0 && read_record(&packet, &at, &record); i--)
        if (record.type != TYPE_OPT)
            put(packet.bytes + record.ttl_at, 4, record.ttl > age ? record.ttl - age : 0);
    memcpy(packet.bytes, query->packet.bytes, 2); /* the client's id */
    memcpy(packet.bytes + HEAD, query->packet.bytes + HEAD,
           query->question_end - HEAD); /* the client's upper and lower case */
    if (packet.size > query->most) {
        packet.size = query->question_end;
        packet.bytes[2] |= FLAG_TC;
        memset(packet.bytes + 6, 0, 6);
    }
    return send_packet(forwarder, query, &packet);
}

/* Asks the upstreams, and wakes the waiting tasks. */
static int fill(struct forwarder *forwarder, struct entry *entry, const struct query *query)
{
    entry->asked = async_time();
    int result = ask_all(forwarder, query, &entry->packet);
    double seconds = result < 0 ? 0 : time_to_live(&entry->packet, query->question_end);
    if (result < 0)
        entry->packet.size = 0;
    entry->expires = entry->asked + seconds;
    if (seconds <= 0)
        forget(forwarder, entry);
    async_event_set(&entry->done);
    return result;
}

static int look_up(struct forwarder *forwarder, struct query *query)
{
    struct entry *entry = find(forwarder, &query->key);
    if (entry != NULL && entry->expires <= async_time()) {
        forget(forwarder, entry);
        entry = NULL;
    }
    bool is_first = entry == NULL;
    if (is_first && (entry = remember(forwarder, &query->key)) == NULL)
        return send_code(forwarder, query, SERVFAIL);
    entry->users++;
    int result = is_first ? fill(forwarder, entry, query) : async_event_wait(&entry->done);
    if (result != -ECANCELED)
        result = entry->packet.size > 0 ? send_answer(forwarder, query, entry)
                                        : send_code(forwarder, query, SERVFAIL);
    if (--entry->users == 0 && entry->expires < 0)
        free(entry);
    return result;
}

/* Takes the query. */
static int answer(struct forwarder *forwarder, struct query *query)
{
    int code = read_query(query);
    int result = code == OK ? look_up(forwarder, query) : send_code(forwarder, query, code);
    forwarder->at_once--;
    free(query);
    return result == -ECANCELED ? result : 0; /* after an error the client asks again */
}
async_fn(answer, struct forwarder *, struct query *);

/* ---- the socket for clients ---- */

static int serve(struct forwarder *forwarder)
{
    ASYNC_TASK_GROUP_WITH(group, .discard = true);
    struct query query = {.question_end = 0};
    for (;;) {
        socklen_t length = sizeof query.from;
        int size;
        ASYNC_TRY(size = async_recvfrom(forwarder->socket, query.packet.bytes,
                                        sizeof query.packet.bytes, 0,
                                        (struct sockaddr *)&query.from, &length));
        query.packet.size = (size_t)size;
        if (size < HEAD || (query.packet.bytes[2] & FLAG_QR) != 0 ||
            forwarder->at_once == MAX_AT_ONCE)
            continue; /* not a query, or too many queries */
        struct query *copy = malloc(sizeof *copy);
        if (copy == NULL)
            continue;
        *copy = query;
        forwarder->at_once++;
        async_group_create_task(&group, answer, forwarder, copy);
    }
}

static int amain(struct forwarder *forwarder, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    ASYNC_TRY(forwarder->socket = async_socket(AF_INET, SOCK_DGRAM, 0));
    int result = bind(forwarder->socket, (struct sockaddr *)&address, length) < 0 ||
                         getsockname(forwarder->socket, (struct sockaddr *)&address, &length) < 0
                     ? async_fail(-errno, "port %d", port)
                     : 0;
    if (result == 0) {
        printf("listening at port %d\n", ntohs(address.sin_port));
        fflush(stdout);
        result = serve(forwarder);
    }
    while (forwarder->oldest != NULL)
        forget(forwarder, forwarder->oldest);
    async_close(forwarder->socket);
    return result;
}
async_fn(amain, struct forwarder *, int);

static bool add_upstream(struct forwarder *forwarder, char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(53)};
    char *port = strchr(text, ':');
    if (port != NULL) {
        *port++ = 0;
        address.sin_port = htons((uint16_t)atoi(port));
    }
    if (forwarder->upstream_count == MAX_UPSTREAMS ||
        inet_pton(AF_INET, text, &address.sin_addr) != 1)
        return false;
    forwarder->upstreams[forwarder->upstream_count++] = address;
    return true;
}

int main(int count, char **arguments)
{
    struct forwarder forwarder = {.timeout_s = 1, .most_entries = 1000};
    int option;
    bool is_right = true;
    while ((option = getopt(count, arguments, "e:t:")) != -1)
        if (option == 'e')
            forwarder.most_entries = strtoul(optarg, NULL, 10);
        else if (option == 't')
            forwarder.timeout_s = atof(optarg);
        else
            is_right = false;
    for (int i = optind + 1; i < count; i++)
        is_right = is_right && add_upstream(&forwarder, arguments[i]);
    if (!is_right || forwarder.upstream_count == 0) {
        fprintf(stderr, "usage: %s [-e entries] [-t seconds] port upstream...\n", arguments[0]);
        return 2;
    }
    return async_main(amain, &forwarder, atoi(arguments[optind]));
}
