import assert from 'node:assert/strict'
import type { Generator } from '../../contracts/generator.js'
import type { VideoRequest } from '../../contracts/request.js'
import {
  type ConformanceCase,
  type ConformanceSubject,
  checkStrategySuite,
  type StrategyConformanceOptions,
} from './conformance-suite.js'
import { checkVideo, generateWith } from './generate-with.js'
import { readAll } from './read-all.js'
import { registerStrategyCases } from './strategy-cases.js'
import { taskCases } from './task-cases.js'

/** A generator under test, of either kind. */
export interface GeneratorSubject extends ConformanceSubject {
  /** The generator under test. */
  readonly generator: Generator
  /**
   * The request to generate.
   * @defaultValue `{ prompt: 'A cat playing piano' }`
   */
  readonly request?: VideoRequest | undefined
  /**
   * The address to call back that the latest submission gave the upstream, or `undefined` if it gave none. Required for a
   * generator whose `submission` declares `callback`.
   */
  receivedCallbackUrl?(): string | undefined
}

/** Options of {@link generatorConformance}. */
export interface GeneratorConformanceOptions extends StrategyConformanceOptions<GeneratorSubject> {}

/**
 * Tests a generator against its contract: name, shape of the video, its source, the life of a task through JSON,
 * statuses, cancelling and finding, callback addresses, progress, aborts, and typed errors without secrets. Polls follow one another at
 * once. Pass the `test` of your runner.
 *
 * @example
 * ```ts
 * import { test } from 'node:test'
 * import { fakeTaskGenerator, generatorConformance } from 'sora-pipeline/testing'
 *
 * generatorConformance({ test, create: () => ({ generator: fakeTaskGenerator({ polls: 3 }) }) })
 * ```
 */
export function generatorConformance(options: GeneratorConformanceOptions): void {
  checkStrategySuite('generatorConformance', options)
  registerStrategyCases<GeneratorSubject>(
    options,
    {
      verb: 'generate',
      strategyOf: ({ generator }) => generator,
      call: generateWith,
      checkResult: checkVideo,
    },
    [SOURCE_CASE, ...taskCases],
  )
}

const SOURCE_CASE: ConformanceCase<GeneratorSubject> = {
  name: 'if the video has a source, it opens again and at an offset, and ends at its length',
  async check(subject, trial) {
    const { source } = await trial.settle(generateWith(subject, trial.context(), trial), 'generate')
    if (source === undefined) return
    const whole = await trial.settle(readAll(source), 'reading the source')
    assert.ok(whole.length > 0, 'the source must have bytes')
    if (source.byteLength !== undefined)
      assert.equal(whole.length, source.byteLength, 'byteLength must be the length of the bytes')
    const offset = Math.floor(whole.length / 2)
    const rest = await trial.settle(readAll(source, offset), 'reading the source from its middle')
    assert.ok(Buffer.from(whole).subarray(offset).equals(rest), `the source must open at the offset: ${offset}`)
    const controller = new AbortController()
    controller.abort()
    const late = source.open({ signal: controller.signal }).then((stream) => stream.getReader().read())
    await trial.rejectsWithReason(late, controller, 'opening the source')
  },
}
