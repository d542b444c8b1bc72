import { CLOCK, redisScript } from './redis-script.js'

/**
 * ARGV: sortable `before`, limit, `1` for free runs only, id to continue after, `1` when there is one. Gives the first runs of each
 * worker, as place and id, which the caller merges. Runs of one worker lie together, so those of a live one are passed over at once,
 * however many they are: the cost is that of the workers, not of the runs.
 */
export const DUE = redisScript(
  ['due', 'fields', 'beats'],
  CLOCK,
  String.raw`
local before, limit, isFree, after = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]
local last
if ARGV[5] == '1' then
  local run = redis.call('HGET', fields, after)
  run = run and cjson.decode(run)
  if not run or run.status ~= 'running' then return {} end
  last = run.wake .. '\n' .. after
end
local now = nowMs()
local found, from = {}, '-'
while true do
  local first = redis.call('ZRANGEBYLEX', due, from, '+', 'LIMIT', 0, 1)[1]
  if not first then return found end
  local worker = string.match(first, '^[^\n]*')
  from = '[' .. worker .. '\v'
  if not (isFree and isLive(worker, now)) then
    local least = last and '(' .. worker .. '\n' .. last or '[' .. worker .. '\n'
    local most = '(' .. worker .. '\n' .. before .. '\v'
    for _, member in ipairs(redis.call('ZRANGEBYLEX', due, least, most, 'LIMIT', 0, limit)) do
      found[#found + 1] = string.sub(member, #worker + 2)
    end
  end
end
`,
)

/** ARGV: scope, limit, `1` for newest first, id to continue after, `1` when there is one. Gives ids. */
export const LIST = redisScript(
  ['listed', 'fields'],
  String.raw`
local scope, limit, isNewest, after = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4]
local least, most = '[' .. scope .. '\n', '(' .. scope .. '\v'
if ARGV[5] == '1' then
  local run = redis.call('HGET', fields, after)
  if not run then return {} end
  local last = '(' .. scope .. '\n' .. cjson.decode(run).start .. '\n' .. after
  if isNewest then most = last else least = last end
end
local members
if isNewest then members = redis.call('ZREVRANGEBYLEX', listed, most, least, 'LIMIT', 0, limit)
else members = redis.call('ZRANGEBYLEX', listed, least, most, 'LIMIT', 0, limit) end
local ids = {}
for index, member in ipairs(members) do ids[index] = string.sub(member, #scope + 19) end
return ids
`,
)
