import { expect, it } from 'vitest'
import { fallback, type Generator, SoraPipeline, withTimeout } from '../../src/index.js'
import { fakeGenerator, fakeTaskGenerator } from '../../src/testing/index.js'

const task = (fields: object) => ({ ...fakeTaskGenerator({ name: 'task' }), ...fields }) as unknown as Generator
const find = async () => []

it.each<[string, object, string]>([
  [
    'NaN',
    { submission: { idempotency: 'none', lookup: 'fingerprint', settleMs: Number.NaN }, find },
    'submission.settleMs is NaN',
  ],
  [
    'no limit',
    { submission: { idempotency: 'none', lookup: 'fingerprint', settleMs: Number.POSITIVE_INFINITY }, find },
    'submission.settleMs is Infinity',
  ],
  [
    'a text',
    { submission: { idempotency: 'none', lookup: 'none', settleMs: '130000' } },
    'submission.settleMs is "130000"',
  ],
  [
    'a negative time',
    { submission: { idempotency: 'none', lookup: 'none', settleMs: -5 } },
    'submission.settleMs is -5',
  ],
  ['a typo', { submission: { idempotency: 'none', lookup: 'none', settlems: 5 } }, 'did you mean settleMs?'],
  [
    'an option of a factory',
    { submission: { idempotency: 'none', lookup: 'list' }, find },
    'submission.lookup is "list"',
  ],
  ['an unknown word', { submission: { idempotency: 'keys', lookup: 'none' } }, 'submission.idempotency is "keys"'],
  ['a flag', { submission: { idempotency: true, lookup: 'none' } }, 'submission.idempotency is true'],
  ['a word alone', { submission: 'key' }, 'generator.submission is a string'],
  ['nothing', { submission: null }, 'generator.submission is null'],
  ['find that is no function', { find: 5 }, 'generator.find is 5 (give a function)'],
  ['cancel that is no function', { cancel: 'no' }, 'generator.cancel is "no"'],
])('a generator that declares %s is refused before it can be paid, also in a chain', (_, fields, problem) => {
  expect(() => new SoraPipeline({ generator: task(fields) })).toThrow(problem)
  const chain = fallback([fakeGenerator({ name: 'other' }), task(fields)])
  expect(() => new SoraPipeline({ generator: chain })).toThrow(problem)
})

const generate = async () => ({ id: 'v', url: 'https://cdn.example/v.mp4' })

it.each<[string, object, string]>([
  ['start and poll', {}, 'generate(), start() and poll()'],
  ['start', { poll: undefined }, 'generate() and start()'],
  ['poll', { start: undefined }, 'generate() and poll()'],
])('a generator with generate beside %s is refused, because only one of them would be called', (_, fields, value) => {
  const problem = `generator is an object with ${value} (give generate, or start and poll, and leave the other out)`
  const both = task({ generate, ...fields })
  expect(() => new SoraPipeline({ generator: both })).toThrow(problem)
  expect(() => new SoraPipeline({ generator: fallback([fakeGenerator({ name: 'other' }), both]) })).toThrow(problem)
  expect(() => new SoraPipeline({ generator: withTimeout(both, { timeoutMs: 5 }) })).toThrow(problem)
})

it('a generator may leave out what it does not have', () => {
  const fields = { submission: { idempotency: 'key', lookup: undefined, settleMs: 0 }, find: undefined }
  expect(() => new SoraPipeline({ generator: task(fields) })).not.toThrow()
})
