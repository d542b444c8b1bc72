import { expect, test } from 'vitest'
import { toErrorJson } from '../../../src/contracts/errors.js'
import { errorFromJson } from '../../../src/openai/error-from-json.js'
import { toOpenAiError } from '../../../src/openai/to-openai-error.js'
import { systemClock } from '../../../src/timing/system-clock.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'
import { chatServer, chunk, DONE, frame, generatorAt } from './chat-server.js'

const said = (message: string, code: string | null = null) =>
  frame({ error: { message, type: 'server_error', param: null, code } })
const INVALIDATED =
  '{"error":{"message":"Your authentication token has been invalidated. Please try signing in again.","type":"invalid_request_error","code":"token_invalidated","param":null},"status":401}'

// What the family sends under 200, what class it becomes, and what an OpenAI client receives.
test.each([
  [
    'quota',
    said(
      "No available tokens for video generation. All tokens are either disabled, cooling down, Sora2 quota exhausted, don't support Sora2, or expired.",
    ),
    'QuotaExceededError',
    429,
    'insufficient_quota',
    /Check the quota of the token/,
  ],
  [
    'moderation',
    chunk({ reasoning_content: '**Content Policy Violation**' }) +
      chunk({ content: '❌ 生成失败: Content violates guardrails' }, 'STOP'),
    'ContentRejectedError',
    400,
    'content_policy_violation',
    /Change the prompt/,
  ],
  [
    'authentication',
    said(`API request failed: 401 - ${INVALIDATED}`),
    'AuthenticationError',
    401,
    'invalid_api_key',
    /Check the API key/,
  ],
  [
    'region',
    said('API request failed: 403 - {"error":{"code":"unsupported_country_code","param":"XX","message":"Not here"}}'),
    'RegionError',
    403,
    'unsupported_country_region_territory',
    /does not serve the country/,
  ],
  [
    'overload',
    said("We're under heavy load, please try again later."),
    'OverloadedError',
    503,
    'overloaded',
    /wait and send the request again/,
  ],
  [
    'rate limit',
    said('API request failed: 429 - {"error":{"message":"Too many requests"}}'),
    'RateLimitError',
    429,
    'rate_limit_exceeded',
    /Wait and send the request again/,
  ],
  [
    'timeout',
    said('Upstream API timeout: Generation exceeded 3000 seconds limit'),
    'SubmissionUnknownError',
    502,
    'submission_unknown',
    /check the video provider before you send/,
  ],
  [
    'network',
    said('URL Error: <urlopen error [Errno -2] Name or service not known>'),
    'NetworkError',
    502,
    'upstream_unreachable',
    /did not respond: try again/,
  ],
  [
    'unknown submission',
    chunk({ content: 'Done.' }, 'STOP'),
    'SubmissionUnknownError',
    502,
    'submission_unknown',
    /check the video provider before you send/,
  ],
  [
    'refusal',
    said(
      'API request failed: 400 - {"error":{"message":"Hmmm something didn\'t look right with your request","code":"sentinel_block"}}',
    ),
    'UpstreamHttpError',
    502,
    'upstream_refused',
    /change it, such as its model or its prompt/,
  ],
  [
    'failed job',
    said('Draft not found'),
    'GenerationFailedError',
    502,
    'generation_failed',
    /try again, perhaps with another prompt/,
  ],
])(
  '%s: recognised, and reported to a client, also from the JSON of an event',
  async (_, events, name, status, code, advice) => {
    const server = await chatServer([events, DONE])
    const context = { ...stageContext(), clock: systemClock }
    const error = await rejection(generatorAt(server).generate({ prompt: 'A cat' }, context))
    expect(error).toMatchObject({ name })
    const answer = toOpenAiError(error)
    expect(answer).toMatchObject({ status, body: { error: { code, message: expect.stringMatching(advice) } } })
    expect(toOpenAiError(errorFromJson(JSON.parse(JSON.stringify(toErrorJson(error)))))).toEqual(answer)
  },
)

test.each([
  ["I can't generate that video. Please review our guidelines.", 'ContentRejectedError'],
  ["I'm unable to create this clip, it is against the rules", 'ContentRejectedError'],
  ['We won’t make such videos under our usage terms', 'ContentRejectedError'],
  ["I can't generate that video.", 'SubmissionUnknownError'],
  ['I can generate that video under our policy', 'SubmissionUnknownError'],
])('prose that declines by rules is a verdict: %s', async (prose, name) => {
  const server = await chatServer([chunk({ content: prose }, 'STOP'), DONE])
  const context = { ...stageContext(), clock: systemClock }
  expect(await rejection(generatorAt(server).generate({ prompt: 'A cat' }, context))).toMatchObject({ name })
})

test.each(['content_filter', 'sensitive', 'SAFETY', 'PROHIBITED_CONTENT', 'refusal'])(
  'an answer that ends for %s is a verdict',
  async (reason) => {
    const context = { ...stageContext(), clock: systemClock }
    const empty = await chatServer([chunk({ content: '' }, reason), DONE])
    const error = await rejection(generatorAt(empty).generate({ prompt: 'A cat' }, context))
    expect(error).toMatchObject({ name: 'ContentRejectedError' })
  },
)

test.each([
  ['an error frame', said('API request failed: 500 - x')],
  ['a marked verdict', chunk({ content: '❌ 生成失败: Content violates guardrails' }, 'STOP')],
  ['prose', chunk({ content: 'No available tokens for video generation' }, 'STOP')],
])('%s under 200 carries the id of the request', async (_, events) => {
  const server = await chatServer([events, DONE], { 'x-oneapi-request-id': 'req_123' })
  const context = { ...stageContext(), clock: systemClock }
  const error = await rejection(generatorAt(server).generate({ prompt: 'A cat' }, context))
  expect(error).toMatchObject({ requestId: 'req_123', message: expect.stringContaining('(request req_123)') })
})
