import { CLOCK, redisScript } from './redis-script.js'

// One field for each limit. Its first write needs no memory: a place can be freed also when the memory is full.
const TABLE = `
local name, now = ARGV[1], math.floor(nowMs())
local text = redis.call('HGET', limits, name)
local slots = text and cjson.decode(text) or { holders = {}, starts = {}, rests = 0 }
local busy = 0
for holder, ends in pairs(slots.holders) do
  if ends > now then busy = busy + 1 else slots.holders[holder] = nil end
end
local function save()
  redis.call('HDEL', limits, name)
  redis.call('HSET', limits, name, cjson.encode(slots))
end
`

/** ARGV: limit, holder, most, ttlMs, jobs, perMs. Gives -1 for a place, or how long to wait. */
export const TAKE_SLOT = redisScript(
  ['limits'],
  CLOCK,
  TABLE,
  `
local holder, most, jobs, per = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[5]), tonumber(ARGV[6])
local starts = {}
for _, at in ipairs(slots.starts) do
  if at > now - per then starts[#starts + 1] = at end
end
slots.starts = starts
local isKept = slots.holders[holder] ~= nil
if isKept or (slots.rests <= now and busy < most and #starts < jobs) then
  slots.holders[holder] = now + tonumber(ARGV[4])
  if not isKept then starts[#starts + 1] = now end
  save()
  return -1
end
local rate = #starts < jobs and 0 or starts[1] + per - now
return math.max(0, slots.rests - now, rate)
`,
)

/** ARGV: limit, ttlMs, a JSON list of holders. */
export const KEEP_SLOTS = redisScript(
  ['limits'],
  CLOCK,
  TABLE,
  `
local ttl = tonumber(ARGV[2])
for _, holder in ipairs(cjson.decode(ARGV[3])) do slots.holders[holder] = ttl > 0 and now + ttl or nil end
save()
return 1
`,
)

/** ARGV: limit, ms. */
export const REST_SLOTS = redisScript(
  ['limits'],
  CLOCK,
  TABLE,
  `
slots.rests = math.max(slots.rests, now + tonumber(ARGV[2]))
save()
return 1
`,
)
