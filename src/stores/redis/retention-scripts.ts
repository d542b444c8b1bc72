import { EVENTS } from './event-scripts.js'
import { DROP } from './media-scripts.js'
import { CLOCK, redisScript } from './redis-script.js'

const PARTS = [
  'versions',
  'states',
  'fields',
  'readings',
  'reports',
  'due',
  'listed',
  'ended',
  'retained',
  'claimants',
  'released',
  'media',
  'refs',
] as const

// The first release of a claim counts.
const FORGET_RUN = String.raw`
local function release(id, now)
  for _, member in ipairs(redis.call('ZRANGEBYLEX', claimants, '[' .. id .. '\n', '(' .. id .. '\v')) do
    redis.call('ZADD', released, 'NX', now, string.sub(member, #id + 2))
  end
end
local function remove(id, now)
  local run = redis.call('HGET', fields, id)
  if run then redis.call('ZREM', listed, unpack(cjson.decode(run).listed)) end
  redis.call('ZREM', ended, id)
  redis.call('ZREM', retained, id)
  if redis.call('HDEL', versions, id) == 1 then redis.call('HINCRBY', meta, 'runs', -1) end
  for _, hash in ipairs({states, fields, readings, reports}) do redis.call('HDEL', hash, id) end
  redis.call('DEL', eventsOf(id))
  drop(id)
  release(id, now)
end
`

/**
 * ARGV: endedBefore, the instant after which ends of callers' ids are retained, now, limit. Forgets ended runs, and gives how many, then
 * id, version and state of each that is to be retained.
 */
export const FORGET = redisScript(
  PARTS,
  DROP,
  EVENTS,
  FORGET_RUN,
  `
local reply = {0}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', ended, '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[4])) do
  local run = cjson.decode(redis.call('HGET', fields, id))
  if run.isCallerId and tonumber(run.ended) > tonumber(ARGV[2]) then
    reply[#reply + 1] = id
    reply[#reply + 1] = redis.call('HGET', versions, id)
    reply[#reply + 1] = redis.call('HGET', states, id)
  else
    remove(id, ARGV[3])
    reply[1] = reply[1] + 1
  end
end
return reply
`,
)

/** ARGV: id, version, what is retained of the state, now. Gives 1, or 0 when another process saved the run in between. */
export const RETAIN = redisScript(
  PARTS,
  DROP,
  EVENTS,
  FORGET_RUN,
  `
local id = ARGV[1]
if redis.call('HGET', versions, id) ~= ARGV[2] or not redis.call('ZSCORE', ended, id) then return 0 end
local run = cjson.decode(redis.call('HGET', fields, id))
run.worker = '-'
redis.call('HSET', fields, id, cjson.encode(run))
redis.call('HSET', states, id, ARGV[3])
redis.call('HDEL', readings, id)
redis.call('ZREM', ended, id)
redis.call('ZADD', retained, run.ended, id)
redis.call('DEL', eventsOf(id))
drop(id)
release(id, ARGV[4])
return 1
`,
)

/**
 * ARGV: the instant after which something is retained, now, the milliseconds that beats are kept. Removes what is not retained any more,
 * and claims that are not in use: a run may have been created again under the id of one that was forgotten.
 */
export const SWEEP = redisScript(
  [...PARTS, 'claims', 'beats'],
  CLOCK,
  DROP,
  EVENTS,
  FORGET_RUN,
  String.raw`
for _, id in ipairs(redis.call('ZRANGEBYSCORE', retained, '-inf', ARGV[1])) do remove(id, ARGV[2]) end
for _, digest in ipairs(redis.call('ZRANGEBYSCORE', released, '-inf', ARGV[1])) do
  local run = redis.call('HGET', claims, digest)
  if not (run and redis.call('HEXISTS', versions, run) == 1 and not redis.call('ZSCORE', retained, run)) then
    redis.call('HDEL', claims, digest)
    if run then redis.call('ZREM', claimants, run .. '\n' .. digest) end
  end
  redis.call('ZREM', released, digest)
end
local all = redis.call('HGETALL', beats)
for index = 1, #all, 2 do
  if not isLive(all[index], nowMs() - tonumber(ARGV[3])) then redis.call('HDEL', beats, all[index]) end
end
return 1
`,
)
