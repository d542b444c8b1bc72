import { redisScript } from './redis-script.js'

/** Lua: `drop(run)` takes back what a run refers to; bytes go with their last reference. Needs `media` and `refs`. */
export const DROP = String.raw`
local function drop(run)
  for _, ref in ipairs(redis.call('ZRANGEBYLEX', refs, '[r' .. run .. '\n', '(r' .. run .. '\v')) do
    local sha256 = string.sub(ref, #run + 3)
    redis.call('ZREM', refs, ref, 'm' .. sha256 .. '\n' .. run)
    local others = redis.call('ZRANGEBYLEX', refs, '[m' .. sha256 .. '\n', '(m' .. sha256 .. '\v', 'LIMIT', 0, 1)
    if #others == 0 then redis.call('HDEL', media, sha256) end
  end
end
`

/** ARGV: run, SHA-256, bytes. */
export const PUT_MEDIA = redisScript(
  ['media', 'refs'],
  String.raw`
redis.call('HSETNX', media, ARGV[2], ARGV[3])
redis.call('ZADD', refs, 0, 'r' .. ARGV[1] .. '\n' .. ARGV[2], 0, 'm' .. ARGV[2] .. '\n' .. ARGV[1])
return 1
`,
)

/** ARGV: SHA-256. */
export const GET_MEDIA = redisScript(['media'], "return redis.call('HGET', media, ARGV[1])")

/** ARGV: run. */
export const DROP_MEDIA = redisScript(['media', 'refs'], DROP, 'drop(ARGV[1]) return 1')
