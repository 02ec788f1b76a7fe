/*
 * ext/redis/src/lua.c: the steps of a queue that Redis executes as one. Keys: the stream, then
 * others; the group is "w". An entry is touched only by its present consumer: an earlier one, whose
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

/* stream; largest number of entries, tag, bytes. Its id, or false: it is full. */
async_redis_script redisp_script_put = {
    .text = "if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return false end\n"
            "return redis.call('XADD', KEYS[1], '*', 't', ARGV[2], 'b', ARGV[3])"};

/*
 * stream, mark; seconds for which the mark stays, tag, bytes, a text of the call. Its id, or false:
 * put before, by another call.
 */
async_redis_script redisp_script_once = {
    .text = "if not redis.call('SET', KEYS[2], ARGV[4], 'NX', 'EX', ARGV[1]) then\n"
            "  return redis.call('GET', KEYS[2]) == ARGV[4]\n"
            "end\n"
            "return redis.call('XADD', KEYS[1], '*', 't', ARGV[2], 'b', ARGV[3])"};

/* later; milliseconds, tag, bytes. */
async_redis_script redisp_script_later = {
    .text = "local now = redis.call('TIME')\n"
            "local at = now[1] * 1000 + math.floor(now[2] / 1000) + tonumber(ARGV[1])\n"
            "local member = cmsgpack.pack({now[1] .. '-' .. now[2] .. '-' .. ARGV[4],\n"
            "  't', ARGV[2], 'b', ARGV[3]})\n"
            "return redis.call('ZADD', KEYS[1], at, member)"};

/*
 * stream; entries. An entry with the first command and not the second, as after the loss of the
 * file's end, would stay in the stream for ever. MULTI is refused while the memory is used up.
 */
async_redis_script redisp_script_done = {
    .text = "#!lua flags=allow-oom\n"
            "redis.call('XACK', KEYS[1], 'w', unpack(ARGV))\n"
            "return redis.call('XDEL', KEYS[1], unpack(ARGV))"};

/*
 * stream, later, dead; consumer, tries, milliseconds until the next try (negative: it goes back at
 * once and is not counted), the reason, then entries. The number of those that were ours.
 */
async_redis_script redisp_script_fail = {
    .text = "#!lua flags=allow-oom\n"
            "local stream, later, dead = KEYS[1], KEYS[2], KEYS[3]\n"
            "local me, tries, pause = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])\n"
            "local now, count = redis.call('TIME'), 0\n"
            "local ms = now[1] * 1000 + math.floor(now[2] / 1000)\n"
            "for i = 5, #ARGV do\n"
            "  local id = ARGV[i]\n"
            "  local mine = redis.call('XPENDING', stream, 'w', id, id, 1, me)[1]\n"
            "  local entry = mine and redis.call('XRANGE', stream, id, id)[1]\n"
            "  if entry then\n"
            "    local f, fields = entry[2], {}\n"
            "    for k = 1, #f, 2 do fields[f[k]] = f[k + 1] end\n"
            "    local n = tonumber(fields.n or 0) + mine[4] - (pause < 0 and 1 or 0)\n"
            "    local first = fields.i or id\n"
            "    local rest = {'t', fields.t or '', 'b', fields.b or '', 'n', n, 'i', first}\n"
            "    if pause < 0 then\n"
            "      redis.call('XADD', stream, '*', unpack(rest))\n"
            "    elseif n >= tries then\n"
            "      redis.call('XADD', dead, '*', 'e', ARGV[4], 'c', me, unpack(rest))\n"
            "    else\n"
            "      local most = pause * 2 ^ math.min(n - 1, 16)\n"
            "      local wait = math.floor(most * (0.5 + math.random() / 2))\n"
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
 * a suspect. The next cursor, how many suspects are left, and the entries of dead processes with
 * how often each was delivered: [cursor, left, [id, fields], count, …]. Those that were tried too
 * often go to the dead ones.
 *
 * A suspect has one try left. A process gets one at a time, and the others stay free: the item that
 * ends its process would take them with it each time.
 */
async_redis_script redisp_script_claim = {
    .text =
        "#!lua flags=allow-oom\n"
        "local stream, me, tries, busy = KEYS[1], ARGV[1], tonumber(ARGV[4]), ARGV[6] == '1'\n"
        "local answer = redis.call('XAUTOCLAIM', stream, 'w', me, ARGV[2], ARGV[5],\n"
        "  'COUNT', ARGV[3])\n"
        "local found = {answer[1], 0}\n"
        "for _, entry in ipairs(answer[2]) do\n"
        "  local id = entry[1]\n"
        "  local pending = redis.call('XPENDING', stream, 'w', id, id, 1)[1]\n"
        "  local f, fields = entry[2], {}\n"
        "  for k = 1, #f, 2 do fields[f[k]] = f[k + 1] end\n"
        "  local n = tonumber(fields.n or 0) + pending[4] - 1\n"
        "  if n >= tries then\n"
        "    redis.call('XADD', KEYS[2], '*', 'e', 'its process has ended each time', 'c', me,\n"
        "      't', fields.t or '', 'b', fields.b or '', 'n', n, 'i', fields.i or id)\n"
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

/* later, stream; how many. Items whose time has come; the number of all items. */
async_redis_script redisp_script_move = {
    .text = "#!lua flags=allow-oom\n"
            "local now = redis.call('TIME')\n"
            "local ms = now[1] * 1000 + math.floor(now[2] / 1000)\n"
            "local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ms, 'LIMIT', 0, ARGV[1])\n"
            "for _, member in ipairs(due) do\n"
            "  local fields = cmsgpack.unpack(member)\n"
            "  redis.call('XADD', KEYS[2], '*', unpack(fields, 2))\n"
            "  redis.call('ZREM', KEYS[1], member)\n"
            "end\n"
            "return redis.call('XLEN', KEYS[2]) + redis.call('ZCARD', KEYS[1])"};

/* stream; consumer. Forgets a consumer without entries. */
async_redis_script redisp_script_end = {
    .text = "#!lua flags=allow-oom\n"
            "if redis.call('XPENDING', KEYS[1], 'w', '-', '+', 1, ARGV[1])[1] then return 0 end\n"
            "return redis.call('XGROUP', 'DELCONSUMER', KEYS[1], 'w', ARGV[1])"};
