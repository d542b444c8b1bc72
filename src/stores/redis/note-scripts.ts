import { CLOCK, redisScript } from './redis-script.js'

// How many expired notes a save removes.
const MOST_SWEPT = 8

// A name is namespace and key. A note is `version call expiresAt dueAt`, a vertical tab, and its JSON. Members of `dueNotes` are namespace,
// time and key.
const NOTE = String.raw`
local function millis(ms) return string.format('%018.3f', math.min(ms, 99999999999999)) end
local function placeOf(name, due)
  local namespace, key = string.match(name, '^([^\n]*)\n(.*)$')
  return namespace .. '\n' .. due .. '\n' .. key
end
local function noteOf(name)
  local text = redis.call('HGET', notes, name)
  if not text then return nil end
  local version, call, expires, due, value = string.match(text, '^(%d+) (%S+) (%S+) (%S+)\v(.*)$')
  return { version = version, call = call, expires = tonumber(expires), due = due, value = value }
end
local function liveNote(name, now)
  local note = noteOf(name)
  return note and note.expires > now and note or nil
end
`

/** ARGV: name. Gives version and JSON, or nothing. */
export const READ_NOTE = redisScript(
  ['notes'],
  CLOCK,
  NOTE,
  `
local note = liveNote(ARGV[1], nowMs())
return note and { note.version, note.value } or {}
`,
)

/**
 * ARGV: name, version, call, dueInMs, expiresInMs, JSON. Gives the new version, or nothing when another one is saved. A save that is
 * sent again gives what the first one gave. Its first write frees memory, so that notes can be removed when the memory is full.
 */
export const SAVE_NOTE = redisScript(
  ['notes', 'dueNotes', 'noteEnds'],
  CLOCK,
  NOTE,
  String.raw`
local name, version, call, json = ARGV[1], ARGV[2], ARGV[3], ARGV[6]
local now = nowMs()
local function drop(each)
  local note = noteOf(each)
  redis.call('ZREM', noteEnds, each)
  if note then redis.call('ZREM', dueNotes, placeOf(each, note.due)) end
  redis.call('HDEL', notes, each)
end
local note = liveNote(name, now)
if note and note.call == call then return note.version end
if (note and note.version or '0') ~= version then return false end
drop(name)
for _, each in ipairs(redis.call('ZRANGEBYSCORE', noteEnds, '-inf', now, 'LIMIT', 0, ${MOST_SWEPT})) do drop(each) end
local saved = tostring(redis.call('HINCRBY', meta, 'notes', 1))
if tonumber(ARGV[5]) > 0 then
  local due, expires = millis(now + tonumber(ARGV[4])), millis(now + tonumber(ARGV[5]))
  redis.call('HSET', notes, name, saved .. ' ' .. call .. ' ' .. expires .. ' ' .. due .. '\v' .. json)
  redis.call('ZADD', dueNotes, 0, placeOf(name, due))
  redis.call('ZADD', noteEnds, expires, name)
end
return saved
`,
)

/** ARGV: namespace, limit, key to continue after, `1` when there is one. Gives keys. */
export const DUE_NOTES = redisScript(
  ['notes', 'dueNotes'],
  CLOCK,
  NOTE,
  String.raw`
local namespace, limit = ARGV[1], tonumber(ARGV[2])
local now = nowMs()
local least, most = '[' .. namespace .. '\n', '(' .. namespace .. '\n' .. millis(now) .. '\v'
if ARGV[4] == '1' then
  local name = namespace .. '\n' .. ARGV[3]
  local note = liveNote(name, now)
  if not note then return {} end
  least = '(' .. placeOf(name, note.due)
end
local found = {}
while #found < limit do
  local members = redis.call('ZRANGEBYLEX', dueNotes, least, most, 'LIMIT', 0, math.min(limit, 1000))
  if #members == 0 then break end
  for _, member in ipairs(members) do
    local key = string.sub(member, #namespace + 21)
    if #found < limit and liveNote(namespace .. '\n' .. key, now) then found[#found + 1] = key end
    least = '(' .. member
  end
end
return found
`,
)
