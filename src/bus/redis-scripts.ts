import { createHash } from 'node:crypto';
import {
  INSTANCES_MAX,
  LOST_A_TURN_MAX,
  PRODUCER_BATCHES_KEPT,
  PRODUCER_LIFE_MS,
  SEEN_COUNT_MAX,
  SEEN_LIFE_MS,
} from './append-request.ts';

export interface RedisScript {
  text: string;
  sha: string;
}

/**
 * What append, sweep and info begin with. KEYS[1] stream, KEYS[2] meta; ARGV[1] the greatest log time (ms) that the
 * caller has seen. Reads the state of the log, which is made anew (`fresh`) where meta is missing: `n` goes on from the
 * stream's last id, under an epoch greater than any log time that is known. + 1: what was lost a moment ago may have
 * had entries of this very millisecond.
 */
const OPEN = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function refuse(reply, key) return {err = reply.err .. ' (key ' .. key .. ')'} end

local meta = redis.pcall('HMGET', KEYS[2], 'n', 'ms', 'epoch', 'watch')
if meta.err then return refuse(meta, KEYS[2]) end
local stream = redis.pcall('XINFO', 'STREAM', KEYS[1])
local lastMs, lastN = 0, 0
if stream.err then
  if not string.find(stream.err, 'no such key', 1, true) then return refuse(stream, KEYS[1]) end
  stream = {}
end
local info = {}
for i = 1, #stream, 2 do info[stream[i]] = stream[i + 1] end
if info['last-generated-id'] then
  local a, b = string.match(info['last-generated-id'], '^(%d+)-(%d+)$')
  lastMs, lastN = tonumber(a), tonumber(b)
end
if lastMs >= 9007199254740990 then return {err = 'EXHAUSTED the last id leaves no room (key ' .. KEYS[1] .. ')'} end

local n, ms, epoch = tonumber(meta[1]), tonumber(meta[2]), tonumber(meta[3])
local fresh = not (n and ms and epoch)
if fresh then
  n = lastN <= 1e13 and lastN or 0
  epoch = math.max(now, lastMs, tonumber(ARGV[1])) + 1
  ms = epoch
end
`;

/** `'00', '01' … '99'` */
const TWO_DIGITS = Array.from({ length: 100 }, (_, i) => `'${String(i).padStart(2, '0')}'`).join(', ');

/** Writes entries and publishes them. ARGV[2] channel, ARGV[3] entries kept, ARGV[4] age kept (ms). */
const WRITE = `
local stamp = math.max(now, ms)
if stamp < lastMs or (stamp == lastMs and n < lastN) then stamp = lastMs + 1 end
local prefix = string.format('%.0f-', stamp)
local call, pcall, sub, gsub = redis.call, redis.pcall, string.sub, string.gsub
local streamKey, channel = KEYS[1], ARGV[2]
local unpublished, reason = 0, ''

-- Lua prints a number by sprintf (0.2 us): in a large batch only each hundredth n is printed, the rest is looked up.
local digits = #ARGV > 40 and {[0] = ${TWO_DIGITS}}
local low, head = 99, ''
local function write(json)
  n = n + 1
  local id
  if digits and n >= 100 then
    if low == 99 then
      low = n % 100
      head = prefix .. math.floor(n / 100)
    else
      low = low + 1
    end
    id = head .. digits[low]
  else
    id = prefix .. n
  end
  call('XADD', streamKey, id, 'activity', json)
  -- gsub builds the message in one go: Redis' Lua hashes every byte of every string made, so a sub() in between costs 0.3 us.
  local told = pcall('PUBLISH', channel, (gsub(json, '^{', '{"cursor":"' .. id .. '",', 1)))
  if type(told) == 'table' then
    unpublished = unpublished + 1
    reason = told.err
  end
end

local function trim()
  call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[3])
  local ageMaxMs = tonumber(ARGV[4])
  if ageMaxMs > 0 then call('XTRIM', KEYS[1], 'MINID', '~', string.format('%.0f', math.max(now - ageMaxMs, 0))) end
end

-- ISO 8601 with 6 decimals from Redis time: proleptic Gregorian calendar, years that begin in March.
local function isoTime()
  local floor = math.floor
  local seconds = tonumber(time[1])
  local day = floor(seconds / 86400)
  local rest = seconds - day * 86400
  local z = day + 719468
  local era = floor(z / 146097)
  local doe = z - era * 146097
  local yoe = floor((doe - floor(doe / 1460) + floor(doe / 36524) - floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + floor(yoe / 4) - floor(yoe / 100))
  local mp = floor((5 * doy + 2) / 153)
  local month = mp < 10 and mp + 3 or mp - 9
  local year = yoe + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%06dZ', year, month, doy - floor((153 * mp + 2) / 5) + 1,
    floor(rest / 3600), floor(rest / 60) % 60, rest % 60, tonumber(time[2]))
end

-- A notice that the log itself writes. Its UUIDv7 takes its random bits from a hash of the place in the log, which is unique.
local function notice(name, instance, service, summary, silence)
  local hex = redis.sha1hex(KEYS[1] .. ' ' .. instance .. ' ' .. epoch .. ' ' .. n .. ' ' .. time[1] .. ' ' .. time[2])
  local variant = string.format('%x', 8 + tonumber(sub(hex, 1, 1), 16) % 4)
  local id = string.format('%08x-%04x-7%s-%s%s-%s', math.floor(now / 65536), now % 65536, sub(hex, 2, 4), variant,
    sub(hex, 5, 7), sub(hex, 8, 19))
  local text = cjson.encode(instance)
  return '{"id":"' .. id .. '","kind":"notice","name":"' .. name .. '","time":"' .. isoTime()
    .. '","severity":"warn","summary":' .. cjson.encode(summary)
    .. (service and service ~= '' and ',"service":' .. cjson.encode(service) or '')
    .. ',"instance":' .. text .. ',"attributes":{"livespan.instance":' .. text
    .. (silence and string.format(',"livespan.silent_ms":%.0f', silence) or '') .. '}}'
end
`;

/**
 * The one append. Append and publish are one step; Lua does not roll back, so every check comes before the first write.
 *
 * KEYS: 1 stream · 2 meta · 3 producer · 4 seen · 5 instances · 6 services
 * ARGV: 1 greatest log time seen (ms) · 2 channel · 3 entries kept · 4 age kept (ms, 0: any) · 5 batch (0: not numbered)
 *       · 6 acked · 7 digest ('' none) · 8 instance ('' none) · 9 service ('' unknown) · 10 sign · 11… activities
 * Reply: {0, ms, first n, last n, unpublished, why unpublished} appended (n 0: there was nothing to append)
 *        {1, ms, first n, last n} duplicate (0 where unknown) · {2, last} out of order
 */
const APPEND = `${OPEN}${WRITE}
local batch = tonumber(ARGV[5])
local slot = batch % ${PRODUCER_BATCHES_KEPT}
local function remember(first, last)
  if batch == 0 then return end
  call('HSET', KEYS[3], 'last', batch, slot, string.format('%.0f %.0f %.0f %.0f', batch, stamp, first, last))
  call('PEXPIRE', KEYS[3], ${PRODUCER_LIFE_MS})
end
if batch > 0 then
  local stored = pcall('HMGET', KEYS[3], 'last', slot)
  if stored.err then return refuse(stored, KEYS[3]) end
  local last = math.max(tonumber(stored[1]) or 0, tonumber(ARGV[6]))
  if batch > last + 1 then return {2, last} end
  if batch <= last then
    local b, m, first, newest = string.match(stored[2] or '', '^(%d+) (%d+) (%d+) (%d+)$')
    if tonumber(b) ~= batch then return {1, 0, 0, 0} end
    return {1, tonumber(m), tonumber(first), tonumber(newest)}
  end
end

local digest = ARGV[7]
local duplicate = false
if digest ~= '' then
  local score = pcall('ZSCORE', KEYS[4], digest)
  if type(score) == 'table' then return refuse(score, KEYS[4]) end
  duplicate = score and tonumber(score) > now - ${SEEN_LIFE_MS}
end

local instance, service, sign = ARGV[8], ARGV[9], ARGV[10]
local known = false
if instance ~= '' then
  known = pcall('HGET', KEYS[5], instance)
  if type(known) == 'table' then return refuse(known, KEYS[5]) end
  local services = pcall('HLEN', KEYS[6])
  if type(services) == 'table' then return refuse(services, KEYS[6]) end
  if not known and sign ~= 'stopped' and call('HLEN', KEYS[5]) >= ${INSTANCES_MAX} then instance = '' end
end

if duplicate then
  remember(0, 0)
  return {1, 0, 0, 0}
end
local before = n
if instance ~= '' and sign == 'alive' and not known then
  write(notice('livespan.instance_back', instance, service, 'Instance ' .. instance .. ' shows life again'))
end
local first = n + 1
for i = 11, #ARGV do write(ARGV[i]) end
local last = n
if n > before then call('HSET', KEYS[2], 'n', n, 'ms', stamp, 'epoch', epoch) end
if last < first then first, last = 0, 0 end
remember(first, last)
if digest ~= '' then
  call('ZADD', KEYS[4], now, digest)
  call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - ${SEEN_LIFE_MS})
  call('ZREMRANGEBYRANK', KEYS[4], 0, -${SEEN_COUNT_MAX + 1})
end
if instance ~= '' then
  if sign == 'stopped' then
    call('HDEL', KEYS[5], instance)
    call('HDEL', KEYS[6], instance)
  else
    call('HSET', KEYS[5], instance, now)
    if service ~= '' and (not known or sign == 'started') then call('HSET', KEYS[6], instance, service) end
  end
end
if n > before then trim() end
return {0, stamp, first, last, unpublished, reason}
`;

/**
 * One turn of the watch over instances, and the trimming by age where nothing is appended.
 *
 * KEYS: 1 stream · 2 meta · 3 instances · 4 services
 * ARGV: 1 greatest log time seen (ms) · 2 channel · 3 entries kept · 4 age kept (ms) · 5 silence that counts as lost (ms)
 * Reply: the names of those found lost. meta `watch` is '<since> <last turn>', Redis time in ms.
 */
const SWEEP = `${OPEN}${WRITE}
local silentMs = tonumber(ARGV[5])
local instances = pcall('HGETALL', KEYS[3])
if instances.err then return refuse(instances, KEYS[3]) end
local services = pcall('HLEN', KEYS[4])
if type(services) == 'table' then return refuse(services, KEYS[4]) end
local since, turn = string.match(meta[4] or '', '^(%d+) (%d+)$')
since, turn = tonumber(since), tonumber(turn)
if not turn or now < turn or now - turn >= silentMs / 2 then since = now end

local lost = {}
local newest = ms
if now - since >= silentMs then
  for i = 1, #instances, 2 do
    local silence = now - (tonumber(instances[i + 1]) or 0)
    if silence >= silentMs and #lost < ${LOST_A_TURN_MAX} then
      local name = instances[i]
      write(notice('livespan.instance_lost', name, call('HGET', KEYS[4], name),
        'Instance ' .. name .. ' is lost: no sign of life for ' .. silentMs .. ' ms', silence))
      call('HDEL', KEYS[3], name)
      call('HDEL', KEYS[4], name)
      lost[#lost + 1] = name
      newest = stamp
    end
  end
end
call('HSET', KEYS[2], 'n', n, 'ms', newest, 'epoch', epoch, 'watch', string.format('%.0f %.0f', since, now))
if info['length'] or #lost > 0 then trim() end
return lost
`;

/**
 * One consistent look. A log that does not exist yet begins here, so that a reader of an empty log has a real place to
 * resume from; where writing is refused the epoch is told as 0.
 *
 * KEYS: 1 stream · 2 meta · 3 instances
 * ARGV: 1 greatest log time seen (ms) · 2 id to look for ('' none)
 * Reply: {epoch, ms, n, entries, now (ms), instances, found (1, 0), id of the first entry of ours ('' none)}
 */
const INFO = `${OPEN}
local count = redis.pcall('HLEN', KEYS[3])
if type(count) == 'table' then return refuse(count, KEYS[3]) end
if fresh then
  local saved = redis.pcall('HSET', KEYS[2], 'n', n, 'ms', ms, 'epoch', epoch)
  if type(saved) == 'table' then n, ms, epoch = 0, 0, 0 end
end

-- Foreign entries take no part: ours have the one field and a number that was counted.
local function ours(entry)
  local seq = tonumber(string.match(entry[1], '-(%d+)$'))
  return seq >= 1 and seq <= n and entry[2][1] == 'activity' and string.byte(entry[2][2]) == 123
end
local first = ''
local page = info['first-entry'] and {info['first-entry']} or {}
for _ = 1, 100 do
  for i = 1, #page do
    if ours(page[i]) then first = page[i][1] break end
  end
  if first ~= '' or #page == 0 then break end
  page = redis.call('XRANGE', KEYS[1], '(' .. page[#page][1], '+', 'COUNT', 100)
end
local found = 0
if ARGV[2] ~= '' then
  local entry = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
  if entry and ours(entry) then found = 1 end
end
return {epoch, ms, n, info['length'] or 0, now, count, found, first}
`;

/**
 * Tries every command the scripts use, on a key of its own and without effect, so that a missing permission is found at
 * connect and not between two writes of an append.
 *
 * KEYS: 1 stream · 2 probe · ARGV: 1 channel
 * Reply: {command, error, command, error …} of those that failed
 */
const PROBE = `
local failed = {}
local function try(name, ...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err and not string.find(reply.err, 'no such key', 1, true) then
    failed[#failed + 1] = name
    failed[#failed + 1] = reply.err
  end
end
local probe = KEYS[2]
try('TIME', 'TIME')
try('XINFO', 'XINFO', 'STREAM', KEYS[1])
try('XRANGE', 'XRANGE', KEYS[1], '-', '+', 'COUNT', 1)
try('XTRIM', 'XTRIM', KEYS[1], 'MAXLEN', '~', 9007199254740991)
try('XADD', 'XADD', probe, 'NOMKSTREAM', '*', 'activity', '')
try('HSET', 'HSET', probe, 'a', 1)
try('PEXPIRE', 'PEXPIRE', probe, 1000)
try('HGET', 'HGET', probe, 'a')
try('HMGET', 'HMGET', probe, 'a')
try('HGETALL', 'HGETALL', probe)
try('HLEN', 'HLEN', probe)
try('HDEL', 'HDEL', probe, 'a')
try('ZADD', 'ZADD', probe, 1, 'a')
try('ZSCORE', 'ZSCORE', probe, 'a')
try('ZREMRANGEBYRANK', 'ZREMRANGEBYRANK', probe, 0, -1)
try('ZADD', 'ZADD', probe, 1, 'a')
try('ZREMRANGEBYSCORE', 'ZREMRANGEBYSCORE', probe, '-inf', '+inf')
return failed
`;

export const APPEND_SCRIPT = script(APPEND);
export const SWEEP_SCRIPT = script(SWEEP);
export const INFO_SCRIPT = script(INFO);
export const PROBE_SCRIPT = script(PROBE);

function script(text: string): RedisScript {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}
