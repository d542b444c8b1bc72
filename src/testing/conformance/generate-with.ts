import assert from 'node:assert/strict'
import type { Clock } from '../../contracts/clock.js'
import { isSoraPipelineError } from '../../contracts/errors.js'
import type { GeneratedVideo, Generator, TaskGenerator, TaskStatus } from '../../contracts/generator.js'
import type { JsonValue } from '../../contracts/json.js'
import type { VideoRequest } from '../../contracts/request.js'
import type { FakeContext } from '../fake-context.js'
import { isAbsoluteUrl } from './absolute-url.js'
import { type Trial, turns } from './trial.js'

/** The part of a generator's subject that a generation needs. */
export interface GenerationSubject {
  readonly generator: Generator
  readonly request?: VideoRequest | undefined
  receivedCallbackUrl?(): string | undefined
}

/** The default request of the suite. */
export const REQUEST: VideoRequest = { prompt: 'A cat playing piano' }

/** One whole generation, with either kind of generator. Statuses are checked on the way; a failed one is thrown. */
export async function generateWith(
  { generator, request = REQUEST }: GenerationSubject,
  context: FakeContext<Clock>,
  trial: Trial,
): Promise<GeneratedVideo> {
  if ('generate' in generator) return generator.generate(request, context)
  const { operation, status } = await generator.start(request, context)
  return pollToEnd(generator, operation, context, trial, status)
}

/** Polls until a task ends; returns its video, or throws its error. */
export async function pollToEnd(
  generator: TaskGenerator,
  operation: JsonValue,
  context: FakeContext<Clock>,
  trial: Trial,
  first?: TaskStatus | undefined,
): Promise<GeneratedVideo> {
  let isOver = false
  const poll = async () => {
    let status = first ?? (await generator.poll(operation, context))
    for (; !isOver; status = await generator.poll(operation, context)) {
      checkStatus(status)
      if (status.state === 'completed') return status.video
      if (status.state === 'failed') throw status.error
      await turns(1)
    }
    throw new assert.AssertionError({ message: 'a task must end' })
  }
  try {
    return await trial.settle(poll(), 'polling to the end')
  } finally {
    isOver = true
  }
}

/** Asserts the shape of a video. */
export function checkVideo(result: unknown, trial: Trial): void {
  const { id, url, source, usage } = result as GeneratedVideo
  assert.ok(typeof id === 'string' && id !== '', `id must be a non-empty string, but is: ${String(id)}`)
  assert.ok(url !== undefined || typeof source?.open === 'function', 'a video must have a url or a source')
  if (url !== undefined) isAbsoluteUrl(url, 'url')
  assert.ok(
    url === undefined || source?.isPublic !== false || url !== source.url,
    'a private source must not be the url',
  )
  trial.isClean([id, url, usage], 'a generated video')
}

/** Asserts the shape of a status. */
export function checkStatus(status: TaskStatus): void {
  const { state } = status
  assert.ok(
    ['queued', 'running', 'completed', 'failed'].includes(state),
    `state must be one of the four, but is: ${String(state)}`,
  )
  if (status.state === 'failed') {
    assert.ok(isSoraPipelineError(status.error), `error must be one of the library, but is: ${String(status.error)}`)
  }
  if (status.state === 'completed' || status.state === 'failed') return
  const { ratio = 0, pollAfterMs = 0 } = status
  assert.ok(ratio >= 0 && ratio <= 1, `ratio must be from 0 to 1, but is: ${ratio}`)
  assert.ok(pollAfterMs >= 0 && Number.isFinite(pollAfterMs), `pollAfterMs must be 0 or more, but is: ${pollAfterMs}`)
}
