import { CLOCK, redisScript } from './redis-script.js'

// When the memory is full, Redis refuses a script by its first write: these begin with one that needs no memory, so that runs that are
// there can come to their end.

/** ARGV: digest of namespace and key, run. Gives 1 for the claimant. A claim that is made again is in use again. */
export const CLAIM = redisScript(
  ['claims', 'claimants', 'released'],
  String.raw`
local digest, run = ARGV[1], ARGV[2]
local claimant = redis.call('HGET', claims, digest)
if claimant and claimant ~= run then return 0 end
redis.call('ZREM', released, digest)
redis.call('HSET', claims, digest, run)
redis.call('ZADD', claimants, 0, run .. '\n' .. digest)
return 1
`,
)

/** ARGV: worker, ttlMs. A number is never given again. */
export const HEARTBEAT = redisScript(
  ['beats'],
  CLOCK,
  `
redis.call('HDEL', beats, ARGV[1])
local number = redis.call('HINCRBY', meta, 'beats', 1)
redis.call('HSET', beats, ARGV[1], number .. ' ' .. ARGV[2] .. ' ' .. string.format('%.17g', nowMs() + tonumber(ARGV[2])))
return 1
`,
)

/** ARGV: worker. */
export const RETIRE = redisScript(['beats'], "return redis.call('HDEL', beats, ARGV[1])")
