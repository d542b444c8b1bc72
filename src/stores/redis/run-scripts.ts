import { CLOCK, REFUSALS, redisScript } from './redis-script.js'

// Puts a run in its places, and takes it out of those that it had.
const PLACE = String.raw`
local function place(id, text, new)
  local old = redis.call('HGET', fields, id)
  if old then
    old = cjson.decode(old)
    redis.call('ZREM', due, old.worker .. '\n' .. old.wake .. '\n' .. id)
    redis.call('ZREM', listed, unpack(old.listed))
  end
  if new.status == 'running' then
    redis.call('ZADD', due, 0, new.worker .. '\n' .. new.wake .. '\n' .. id)
  else
    redis.call('HDEL', reports, id)
  end
  for _, member in ipairs(new.listed) do redis.call('ZADD', listed, 0, member) end
  if new.ended then redis.call('ZADD', ended, new.ended, id) else redis.call('ZREM', ended, id) end
  redis.call('ZREM', retained, id)
  redis.call('HSET', fields, id, text)
end
`

const PLACES = ['fields', 'due', 'listed', 'ended', 'retained', 'reports'] as const

/**
 * ARGV: id, fields, state. Gives 1 when the run is new. A server that evicts keys, or a person who removed some, is noticed here, before
 * anything is paid: the runs that are there are not as many as were created.
 */
export const CREATE = redisScript(
  ['versions', 'states', ...PLACES],
  PLACE,
  `
local id, text, new = ARGV[1], ARGV[2], cjson.decode(ARGV[2])
if redis.call('HEXISTS', versions, id) == 1 then
  local old = redis.call('HGET', fields, id)
  return old and redis.call('HGET', versions, id) == '1' and cjson.decode(old).call == new.call and 1 or 0
end
local count = tonumber(redis.call('HGET', meta, 'runs') or '0')
if redis.call('HLEN', versions) ~= count or redis.call('HLEN', states) ~= count then
  return redis.error_reply('${REFUSALS.lost} runs are missing')
end
redis.call('HSET', versions, id, 1)
redis.call('HSET', states, id, ARGV[3])
redis.call('HINCRBY', meta, 'runs', 1)
place(id, text, new)
return 1
`,
)

/** ARGV: id, version, fields, state. Gives what became of it. Taken also when the memory is full, as its first write frees some. */
export const SAVE = redisScript(
  ['versions', 'states', 'readings', ...PLACES],
  PLACE,
  `
local id, text, new = ARGV[1], ARGV[3], cjson.decode(ARGV[3])
local version = redis.call('HGET', versions, id)
if not version then return 'unknown' end
if version ~= ARGV[2] then
  local old = redis.call('HGET', fields, id)
  return old and cjson.decode(old).call == new.call and 'saved' or 'stale'
end
place(id, text, new)
redis.call('HINCRBY', versions, id, 1)
redis.call('HSET', states, id, ARGV[4])
redis.call('HDEL', readings, id)
return 'saved'
`,
)

/** ARGV: id, version, sortable wakeAt, readings after the wakeAt and a blank. */
export const RESCHEDULE = redisScript(
  ['versions', 'fields', 'due', 'readings'],
  String.raw`
local id = ARGV[1]
local version = redis.call('HGET', versions, id)
if not version then return 'unknown' end
if version ~= ARGV[2] then return 'stale' end
local run = cjson.decode(redis.call('HGET', fields, id))
redis.call('ZREM', due, run.worker .. '\n' .. run.wake .. '\n' .. id)
run.wake = ARGV[3]
if run.status == 'running' then redis.call('ZADD', due, 0, run.worker .. '\n' .. run.wake .. '\n' .. id) end
redis.call('HSET', fields, id, cjson.encode(run))
redis.call('HSET', readings, id, ARGV[4])
return 'saved'
`,
)

/** ARGV: id. Gives version, state, readings, progress, and number, ttlMs and expiry of the beat, with `false` for what is missing. */
export const LOAD = redisScript(
  ['versions', 'states', 'fields', 'readings', 'reports', 'beats'],
  CLOCK,
  String.raw`
local id = ARGV[1]
local version = redis.call('HGET', versions, id)
if not version then return false end
local run = cjson.decode(redis.call('HGET', fields, id) or '{"worker":"-"}')
local report = run.status == 'running' and redis.call('HGET', reports, id)
local isOwn = report and string.sub(report, 1, #run.worker + 1) == run.worker .. '\n'
local number, ttl = false, false
local beat = redis.call('HGET', beats, run.worker)
if beat then number, ttl = string.match(beat, '^([^ ]+) ([^ ]+)') end
return {
  version, redis.call('HGET', states, id), redis.call('HGET', readings, id),
  isOwn and string.sub(report, #run.worker + 2), number, ttl, isLive(run.worker, nowMs()) and 'live' or 'expired'
}
`,
)

/** ARGV: a JSON list of ids. */
export const VERSIONS = redisScript(
  ['versions'],
  `
local found = {}
for index, id in ipairs(cjson.decode(ARGV[1])) do found[index] = redis.call('HGET', versions, id) end
return found
`,
)

/** ARGV: worker, a JSON list of id, progress, id, progress, … A report of a worker that does not hold the run must not hide another. */
export const REPORT = redisScript(
  ['fields', 'reports'],
  String.raw`
local entries = cjson.decode(ARGV[2])
for index = 1, #entries, 2 do
  local run = redis.call('HGET', fields, entries[index])
  if run then
    run = cjson.decode(run)
    if run.status == 'running' and run.worker == ARGV[1] then
      redis.call('HSET', reports, entries[index], ARGV[1] .. '\n' .. entries[index + 1])
    end
  end
end
return 1
`,
)
