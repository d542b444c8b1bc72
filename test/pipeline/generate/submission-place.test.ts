import { describe, expect, it } from 'vitest'
import { generatorRoutesOf } from '../../../src/calling/generator-routes.js'
import { fallback, type TaskGenerator } from '../../../src/index.js'
import { boundGenerator, generatorOf, inItsPlace } from '../../../src/pipeline/generate/submission-place.js'
import { fakeTaskGenerator } from '../../../src/testing/index.js'
import { acceptedJob, READY, UNKNOWN } from './prepared-runs.js'

const at = (name: string, upstream?: string): TaskGenerator => ({
  ...fakeTaskGenerator({ name }),
  ...(upstream !== undefined && { upstream }),
})
const [first, second, third] = [at('first'), at('second'), at('third')]
const place = (index: number) => ({ index, inner: null })

describe('the place of a submission', () => {
  it('is kept while its generator is there', () => {
    const routes = generatorRoutesOf(fallback(second, first))
    for (const submission of [
      { ...READY, cursor: place(1) },
      { ...UNKNOWN, cursor: place(1) },
      { ...acceptedJob('x'), cursor: place(1) },
    ])
      expect(inItsPlace('run_1', routes, submission)).toBe(submission)
  })

  it('is kept where no generator is chosen yet', () => {
    const undecided = { ...READY, generator: null, cursor: place(1) }
    expect(inItsPlace('run_1', generatorRoutesOf(fallback(second, first)), undecided)).toBe(undecided)
  })

  it.each([
    ['ready', READY],
    ['unknown', UNKNOWN],
    ['accepted', acceptedJob('x')],
  ])('follows its generator when the chain was reordered: %s', (_, submission) => {
    const routes = generatorRoutesOf(fallback(second, third, first))
    const moved = inItsPlace('run_1', routes, { ...submission, cursor: place(0) })
    expect(moved).toEqual({ ...submission, cursor: place(2) })
  })

  it('is the first one for a submission that was not sent, when its generator is gone', () => {
    const moved = inItsPlace('run_1', generatorRoutesOf(fallback(second, third)), { ...READY, cursor: place(1) })
    expect(moved).toEqual({ ...READY, cursor: place(0), generator: 'second' })
  })

  it('is bound to the only generator where version 0.1.0 saved no name', () => {
    const routes = generatorRoutesOf(at('first', 'host/v1'))
    const moved = inItsPlace('run_1', routes, { ...UNKNOWN, generator: null })
    expect(moved).toEqual({ ...UNKNOWN, generator: 'first', upstream: 'host/v1' })
  })

  it.each([
    ['a name alone', null, [second, third], 'run_1 is at first, the chain has second, third'],
    [
      'name and upstream',
      'host/v1',
      [at('first', 'host/v2'), second],
      'run_1 is at first of host/v1, the chain has first of host/v2, second',
    ],
  ] as const)('is missing without its generator, which is named by %s', (_, upstream, [one, two], places) => {
    const submission = { ...acceptedJob('x'), upstream }
    expect(() => inItsPlace('run_1', generatorRoutesOf(fallback(one, two)), submission)).toThrow(
      expect.objectContaining({
        code: 'run-state',
        message: `Could not continue the run, no generator of the chain fits its job: ${places}`,
        handle: acceptedJob('x').handle,
      }),
    )
  })
})

describe('a job is polled by a generator of its name', () => {
  it.each([
    ['and upstream', 'host/v1', 'host/v1', true],
    ['of a configuration that names no upstream', 'host/v1', undefined, true],
    ['when none was saved with it', null, 'host/v1', true],
    ['unless the upstream is another one', 'host/v1', 'host/v2', false],
  ])('%s', (_, saved, present, fits) => {
    const generator = at('first', present)
    const submission = { ...acceptedJob('x'), upstream: saved }
    expect(generatorOf(generator, submission)).toBe(fits ? generator : undefined)
    expect(boundGenerator(generatorRoutesOf(fallback(second, generator)), submission)).toBe(
      fits ? generator : undefined,
    )
    expect(generatorOf(second, submission)).toBeUndefined()
  })
})
