/*
 * ext/redis/src/lua.c: the steps of a queue that Redis executes as one. Above each: its keys, its
 * arguments and its reply. A queue with priorities has several streams, the most urgent first; the
 * group of each is "w". An entry is touched only by its present consumer: an earlier one, whose
 * lease has run out, must not undo the work of the next.
 *
 * allow-oom: what gives items back must work also when the memory is used up.
 */
#include "queue.h"

/*
 * stream. Creates the group. XGROUP CREATE alone is refused while the memory is used up, also if
 * the group exists; a worker, which frees memory, could not begin.
 */
async_redis_script redisp_script_create = {
    .text = "#!lua flags=allow-oom\n"
            "local answer = redis.pcall('XGROUP', 'CREATE', KEYS[1], 'w', '0', 'MKSTREAM')\n"
            "if answer.err and not string.find(answer.err, 'BUSYGROUP', 1, true) then\n"
            "  return answer\n"
            "end\n"
            "return redis.status_reply('OK')"};

/* The number of items in the keys from an index on: later, then the streams. */
#define COUNT_ITEMS                                                                                \
    "local function count_items(from)\n"                                                           \
    "  local count = redis.call('ZCARD', KEYS[from])\n"                                            \
    "  for k = from + 1, #KEYS do count = count + redis.call('XLEN', KEYS[k]) end\n"               \
    "  return count\n"                                                                             \
    "end\n"

/* Whether there are as many as the first argument says; 0: no limit. */
#define IS_FULL                                                                                    \
    COUNT_ITEMS "local function is_full(from)\n"                                                   \
                "  local most = tonumber(ARGV[1])\n"                                               \
                "  return most > 0 and count_items(from) >= most\n"                                \
                "end\n"

/* stream, later, streams; largest number of items, tag, bytes. Its id, or false: it is full. */
async_redis_script redisp_script_put = {
    .text = IS_FULL "if is_full(2) then return false end\n"
                    "return redis.call('XADD', KEYS[1], '*', 't', ARGV[2], 'b', ARGV[3])"};

/*
 * stream, mark, later, streams; largest number, tag, bytes, seconds for which the mark stays, a
 * text of the call. 1; 0: put before, by another call; false: it is full.
 */
async_redis_script redisp_script_once = {
    .text = IS_FULL "local mark = redis.call('GET', KEYS[2])\n"
                    "if mark then return mark == ARGV[5] and 1 or 0 end\n"
                    "if is_full(3) then return false end\n"
                    "redis.call('SET', KEYS[2], ARGV[5], 'EX', ARGV[4])\n"
                    "redis.call('XADD', KEYS[1], '*', 't', ARGV[2], 'b', ARGV[3])\n"
                    "return 1"};

/*
 * later, streams; largest number, tag, bytes, milliseconds, a text of the call, priority. false: it
 * is full.
 */
async_redis_script redisp_script_later = {
    .text = IS_FULL "if is_full(1) then return false end\n"
                    "local now = redis.call('TIME')\n"
                    "local at = now[1] * 1000 + math.floor(now[2] / 1000) + tonumber(ARGV[4])\n"
                    "local member = cmsgpack.pack({now[1] .. '-' .. now[2] .. '-' .. ARGV[5],\n"
                    "  't', ARGV[2], 'b', ARGV[3], 'p', ARGV[6]})\n"
                    "return redis.call('ZADD', KEYS[1], at, member)"};

/*
 * streams; consumer, how many. New entries, those of the most urgent streams: [index of the stream,
 * entry, …].
 */
async_redis_script redisp_script_take = {
    .text = "#!lua flags=allow-oom\n"
            "local found, left = {}, tonumber(ARGV[2])\n"
            "for k = 1, #KEYS do\n"
            "  local answer = left > 0 and redis.call('XREADGROUP', 'GROUP', 'w', ARGV[1],\n"
            "    'COUNT', left, 'STREAMS', KEYS[k], '>')\n"
            "  for _, entry in ipairs(answer and answer[1][2] or {}) do\n"
            "    found[#found + 1] = k - 1\n"
            "    found[#found + 1] = entry\n"
            "    left = left - 1\n"
            "  end\n"
            "end\n"
            "return found"};

/*
 * stream; entries. An entry with the first command and not the second, as after the loss of the
 * file's end, would stay in the stream for ever. MULTI is refused while the memory is used up.
 */
async_redis_script redisp_script_done = {
    .text = "#!lua flags=allow-oom\n"
            "redis.call('XACK', KEYS[1], 'w', unpack(ARGV))\n"
            "return redis.call('XDEL', KEYS[1], unpack(ARGV))"};

/*
 * read: the fields of an entry by name, and its number of tries. keep: all its fields, for an entry
 * that takes its place, except those that are written anew. A field of another language may be
 * anything.
 */
#define READ_ENTRIES                                                                               \
    "local function read(f)\n"                                                                     \
    "  local fields = {}\n"                                                                        \
    "  for k = 1, #f, 2 do fields[f[k]] = f[k + 1] end\n"                                          \
    "  return fields, tonumber(string.match(fields.n or '', '^%d+$')) or 0\n"                      \
    "end\n"                                                                                        \
    "local function keep(f, n, first, priority)\n"                                                 \
    "  local kept = {'n', n, 'i', first, 'p', priority}\n"                                         \
    "  for k = 1, math.min(#f, 1000), 2 do\n"                                                      \
    "    if not string.match(f[k], '^[nipec]$') then\n"                                            \
    "      kept[#kept + 1] = f[k]\n"                                                               \
    "      kept[#kept + 1] = f[k + 1]\n"                                                           \
    "    end\n"                                                                                    \
    "  end\n"                                                                                      \
    "  return kept\n"                                                                              \
    "end\n"

/*
 * stream, later, dead; consumer, tries, milliseconds until the next try (negative: it goes back at
 * once and is not counted), the priority, then entries, a reason behind each. The number of those
 * that were ours.
 */
async_redis_script redisp_script_fail = {
    .text = "#!lua flags=allow-oom\n" READ_ENTRIES
            "local stream, later, dead = KEYS[1], KEYS[2], KEYS[3]\n"
            "local me, tries, pause = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])\n"
            "local now, count = redis.call('TIME'), 0\n"
            "local ms = now[1] * 1000 + math.floor(now[2] / 1000)\n"
            "for i = 5, #ARGV, 2 do\n"
            "  local id = ARGV[i]\n"
            "  local mine = redis.call('XPENDING', stream, 'w', id, id, 1, me)[1]\n"
            "  local entry = mine and redis.call('XRANGE', stream, id, id)[1]\n"
            "  if entry then\n"
            "    local fields, n = read(entry[2])\n"
            "    n = n + mine[4] - (pause < 0 and 1 or 0)\n"
            "    local first = fields.i or id\n"
            "    local rest = keep(entry[2], n, first, ARGV[4])\n"
            "    if pause < 0 then\n"
            "      redis.call('XADD', stream, '*', unpack(rest))\n"
            "    elseif n >= tries then\n"
            "      redis.call('XADD', dead, '*', 'e', ARGV[i + 1], 'c', me, unpack(rest))\n"
            "    else\n"
            "      local spread = 0.5 + math.random() / 2\n"
            "      local wait = math.floor(pause * 2 ^ math.min(n - 1, 16) * spread)\n"
            "      redis.call('ZADD', later, ms + wait, cmsgpack.pack({first, unpack(rest)}))\n"
            "    end\n"
            "    count = count + 1\n"
            "  end\n"
            "  if mine then\n"
            "    redis.call('XACK', stream, 'w', id)\n"
            "    redis.call('XDEL', stream, id)\n"
            "  end\n"
            "end\n"
            "return count"};

/* stream; consumer, entries. Only those that are ours still. */
async_redis_script redisp_script_renew = {
    .text = "#!lua flags=allow-oom\n"
            "local count = 0\n"
            "for i = 2, #ARGV do\n"
            "  if redis.call('XPENDING', KEYS[1], 'w', ARGV[i], ARGV[i], 1, ARGV[1])[1] then\n"
            "    redis.call('XCLAIM', KEYS[1], 'w', ARGV[1], 0, ARGV[i], 'JUSTID')\n"
            "    count = count + 1\n"
            "  end\n"
            "end\n"
            "return count"};

/*
 * stream, dead; consumer, lease in milliseconds, how many, tries, cursor, whether the consumer has
 * a suspect, priority. The next cursor, how many suspects are left, and the entries of dead
 * processes with how often each was delivered: [cursor, left, [id, fields], count, …]. Those that
 * were tried too often go to the dead ones.
 *
 * A suspect has one try left. A process gets one at a time, and the others stay free: the item that
 * ends its process would take them with it each time.
 */
async_redis_script redisp_script_claim = {
    .text =
        "#!lua flags=allow-oom\n" READ_ENTRIES
        "local stream, me, tries, busy = KEYS[1], ARGV[1], tonumber(ARGV[4]), ARGV[6] == '1'\n"
        "local answer = redis.call('XAUTOCLAIM', stream, 'w', me, ARGV[2], ARGV[5],\n"
        "  'COUNT', ARGV[3])\n"
        "local found = {answer[1], 0}\n"
        "for _, entry in ipairs(answer[2]) do\n"
        "  local id = entry[1]\n"
        "  local pending = redis.call('XPENDING', stream, 'w', id, id, 1)[1]\n"
        "  local fields, n = read(entry[2])\n"
        "  n = n + pending[4] - 1\n"
        "  if n >= tries then\n"
        "    redis.call('XADD', KEYS[2], '*', 'e', 'its process has ended each time', 'c', me,\n"
        "      unpack(keep(entry[2], n, fields.i or id, ARGV[7])))\n"
        "    redis.call('XACK', stream, 'w', id)\n"
        "    redis.call('XDEL', stream, id)\n"
        "  elseif n == tries - 1 and busy then\n"
        "    redis.call('XCLAIM', stream, 'w', me, 0, id, 'IDLE', ARGV[2],\n"
        "      'RETRYCOUNT', pending[4] - 1, 'JUSTID')\n"
        "    found[2] = found[2] + 1\n"
        "  else\n"
        "    busy = busy or n == tries - 1\n"
        "    found[#found + 1] = entry\n"
        "    found[#found + 1] = pending[4]\n"
        "  end\n"
        "end\n"
        "return found"};

/*
 * later, streams; how many. Moves the items that are due, each into the stream of its priority; the
 * number of all items.
 */
async_redis_script redisp_script_move = {
    .text = "#!lua flags=allow-oom\n" COUNT_ITEMS "local now = redis.call('TIME')\n"
            "local ms = now[1] * 1000 + math.floor(now[2] / 1000)\n"
            "local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ms, 'LIMIT', 0, ARGV[1])\n"
            "for _, member in ipairs(due) do\n"
            "  local f, priority = cmsgpack.unpack(member), 0\n"
            "  for k = 2, #f, 2 do if f[k] == 'p' then priority = tonumber(f[k + 1]) or 0 end end\n"
            "  local stream = KEYS[math.min(math.max(priority, 0) + 2, #KEYS)]\n"
            "  redis.call('XADD', stream, '*', unpack(f, 2))\n"
            "  redis.call('ZREM', KEYS[1], member)\n"
            "end\n"
            "return count_items(1)"};

/* stream; consumer. Forgets a consumer without entries. */
async_redis_script redisp_script_end = {
    .text = "#!lua flags=allow-oom\n"
            "if redis.call('XPENDING', KEYS[1], 'w', '-', '+', 1, ARGV[1])[1] then return 0 end\n"
            "return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'w', ARGV[1])"};

/*
 * stream; consumer, milliseconds. Forgets the consumers of processes that have ended, which have no
 * entry and have not asked for so long. One that is alive is created again when it asks.
 */
async_redis_script redisp_script_forget = {
    .text = "#!lua flags=allow-oom\n"
            "local count = 0\n"
            "for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], 'w')) do\n"
            "  local c = {}\n"
            "  for k = 1, #consumer, 2 do c[consumer[k]] = consumer[k + 1] end\n"
            "  if c.pending == 0 and c.idle > tonumber(ARGV[2]) and c.name ~= ARGV[1] then\n"
            "    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'w', c.name)\n"
            "    count = count + 1\n"
            "  end\n"
            "end\n"
            "return count"};
