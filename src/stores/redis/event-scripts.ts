import { redisScript } from './redis-script.js'

/**
 * Lua: `eventsOf(id)`, the key of the stream of a run, in the slot of the other keys. The id of an entry is its sequence + 1, as
 * there is no entry 0.
 */
export const EVENTS = `
local function eventsOf(id) return string.sub(meta, 1, -5) .. 'events:' .. id end
`

/**
 * ARGV: id, channel, the length to keep, then entry id and event of each. Gives the newest entry id and event if nothing was
 * added. A user that may not publish still has a log: its followers poll.
 */
export const APPEND_EVENTS = redisScript(
  ['versions', 'retained'],
  EVENTS,
  `
local id = ARGV[1]
if redis.call('HEXISTS', versions, id) == 0 or redis.call('ZSCORE', retained, id) then return false end
local key = eventsOf(id)
local newest = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
if newest and tonumber(string.match(newest[1], '^%d+')) >= tonumber(ARGV[4]) then
  return { string.match(newest[1], '^%d+'), newest[2][2] }
end
for index = 4, #ARGV, 2 do
  redis.call('XADD', key, 'MAXLEN', '~', ARGV[3], ARGV[index] .. '-0', 'e', ARGV[index + 1])
end
redis.pcall('PUBLISH', ARGV[2], id)
return false
`,
)

/** ARGV: id, the first entry id, the most. Gives events. */
export const READ_EVENTS = redisScript(
  [],
  EVENTS,
  `
local found = {}
for index, entry in ipairs(redis.call('XRANGE', eventsOf(ARGV[1]), ARGV[2] .. '-0', '+', 'COUNT', ARGV[3])) do
  found[index] = entry[2][2]
end
return found
`,
)
