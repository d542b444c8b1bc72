import { checkOptions, type OptionRules, optionProblem, throwProblems } from '../contracts/check-options.js'
import { isSoraPipelineError } from '../contracts/errors.js'
import { InvalidRequestError } from '../contracts/input-errors.js'
import { choice, text } from '../contracts/option-rules.js'
import type { PipelineResultJson } from '../contracts/result.js'
import { sha256Of } from '../contracts/sha256.js'
import type { PipelineRun } from '../pipeline/pipeline-run.js'
import type { RunRecord } from '../pipeline/run-record.js'
import { abortable } from '../upstream/abortable.js'
import { isRecord } from '../upstream/is-record.js'
import type {
  PipelineVideo,
  PipelineVideoModel,
  PipelineVideoModelJson,
  PipelineVideoModelStatus,
  PipelineVideoModelWarning,
} from './pipeline-video-model.js'
import { PROVIDER, requestedVideo } from './requested-video.js'
import type { VideoModelRunner } from './video-model-runner.js'

/** Options of {@link toVideoModel}. */
export interface ToVideoModelOptions {
  /** Name of the model in answers of the AI SDK; it is not part of the request. @defaultValue `'pipeline'` */
  readonly modelId?: string | undefined
  /**
   * How the video reaches the AI SDK: `bytes` are read from the pipeline into memory, also those behind a key; `url` is the URL of
   * the run, which the AI SDK downloads into memory, so it must lead to the file and not to a page; `uploaded` reports that the
   * uploader has stored it, and nothing is read. A video that cannot be delivered so is given by the next of `uploaded`, `url`
   * and `bytes`.
   * @defaultValue `'bytes'`
   */
  readonly deliver?: 'url' | 'bytes' | 'uploaded' | undefined
  /** Owner of the runs, as in `pipeline.run`; a text of 1 to 255 characters. @defaultValue none */
  readonly owner?: string | undefined
}

const RULES: OptionRules<ToVideoModelOptions> = {
  modelId: text('give a name or leave it out'),
  deliver: choice('url', 'bytes', 'uploaded'),
  owner: text('give 1 to 255 characters'),
}

const LONGEST_ID = 255
const DEFAULT_TYPE = 'video/mp4'

/**
 * Creates a video model of the AI SDK from a pipeline, for `experimental_generateVideo`, `experimental_startVideo`,
 * `customProvider` and `createProviderRegistry`: with the fallbacks, the recovery and the uploads of the pipeline.
 *
 * The run has the id of the `idempotency-key` header (a digest of it beyond 255 characters). The AI SDK creates a key for each
 * call; pass your own in `headers`, and the same call after a crash or a timeout continues the run of the first instead of paying
 * again. A key that belongs to a different request rejects with `RunStateError`.
 *
 * An abort ends the wait of the AI SDK; the run continues, at its price, until `pipeline.resume(id).cancel()`.
 *
 * @param runner - A `SoraPipeline`, or any object with `run`, `resume`, `get` and, for bytes, `openVideo`.
 * @throws ConfigurationError when the runner or an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { SoraPipeline } from 'sora-pipeline'
 * import { toVideoModel } from 'sora-pipeline/ai-sdk'
 * import { fakeGenerator } from 'sora-pipeline/testing'
 *
 * const pipeline = new SoraPipeline({ generator: fakeGenerator() })
 * const model = toVideoModel(pipeline)
 * // const { video } = await experimental_generateVideo({ model, prompt: 'A cat playing piano' })
 * console.log(model.specificationVersion)
 * ```
 */
export function toVideoModel(runner: VideoModelRunner, options: ToVideoModelOptions = {}): PipelineVideoModel {
  checkRunner(runner)
  checkOptions('toVideoModel', options, RULES)
  const { modelId = 'pipeline', deliver = 'bytes', owner } = options
  const response = () => ({ timestamp: new Date(), modelId, headers: undefined })

  async function completed({ id, result, error }: RunRecord, signal?: AbortSignal) {
    const video = await videoOf(id, result, signal)
    const warnings = (result?.warnings ?? []).map(
      ({ message }): PipelineVideoModelWarning => ({ type: 'other', message }),
    )
    const { url, servedBy, isDegraded } = result ?? {}
    const attempts: PipelineVideoModelJson[] = JSON.parse(JSON.stringify(result?.attempts ?? error?.attempts ?? []))
    // The AI SDK merges the facts of all answers, and the progress is over.
    const facts = { runId: id, url, servedBy, isDegraded, attempts, stage: undefined, ratio: undefined }
    const providerMetadata = { [PROVIDER]: facts }
    return { status: 'completed' as const, videos: [video], warnings, providerMetadata, response: response() }
  }

  async function videoOf(
    id: string,
    result: PipelineResultJson | undefined,
    signal?: AbortSignal,
  ): Promise<PipelineVideo> {
    if (deliver === 'uploaded' && result?.servedBy === 'uploader') return { type: 'uploaded', mediaType: DEFAULT_TYPE }
    const isByUrl = deliver !== 'bytes' || runner.openVideo === undefined
    if (result !== undefined && isByUrl) return { type: 'url', url: result.url, mediaType: DEFAULT_TYPE }
    const source = await runner.openVideo?.(id)
    const stream = await source?.open({ signal })
    const data = new Uint8Array(await new Response(stream).arrayBuffer())
    return { type: 'binary', data, mediaType: source?.mediaType ?? DEFAULT_TYPE }
  }

  async function statusOf(id: string, record: RunRecord, signal?: AbortSignal): Promise<PipelineVideoModelStatus> {
    const { status, error, stage, progress } = record
    // The video exists behind a key, and the pipeline can open it.
    const isKeyed = error?.code === 'no-usable-url' && runner.openVideo !== undefined
    if (status === 'completed' || (status === 'failed' && isKeyed)) return completed(record, signal)
    if (status === 'running') {
      if (!record.isAttended) runner.resume(id)
      const facts = { runId: id, stage, ratio: progress?.ratio }
      return { status: 'pending', providerMetadata: { [PROVIDER]: facts }, response: response() }
    }
    const code = error?.code ?? 'unexpected'
    return failed(id, error?.message ?? `Could not finish the run, it is ${status}: ${id}`, code)
  }

  function failed(runId: string, message: string, code: string): PipelineVideoModelStatus {
    // The AI SDK throws an error with this text alone.
    const error = message.includes(runId) ? message : `${message} (run ${runId})`
    return { status: 'error', error, providerMetadata: { [PROVIDER]: { runId, code } }, response: response() }
  }

  return {
    specificationVersion: 'v4',
    provider: PROVIDER,
    modelId,
    maxVideosPerCall: 1,
    async doStart(call) {
      const { abortSignal: signal } = call
      signal?.throwIfAborted()
      const { request, warnings } = requestedVideo(call)
      const id = runIdOf(call.headers)
      const run = runner.run(request, { ...(id !== undefined && { id }), ...(owner !== undefined && { owner }) })
      await untilSaved(run, signal)
      const operation = { runId: run.id }
      return { operation, warnings, providerMetadata: { [PROVIDER]: operation }, response: response() }
    },
    async doStatus({ operation, abortSignal: signal }) {
      signal?.throwIfAborted()
      const id = runOf(operation)
      const record = await waited(runner.get(id), signal)
      // A run of another owner is as unknown as one that does not exist.
      if (record === undefined || record.owner !== owner) {
        return failed(id, `Could not find the run: ${id}`, 'run-state')
      }
      return waited(statusOf(id, record, signal), signal)
    },
  }
}

// The event after `run-started` is sent once the run is saved or joined. A run of a queue may have no event for long.
async function untilSaved(run: PipelineRun, signal: AbortSignal | undefined): Promise<void> {
  if (run.saved !== undefined) return waited(run.saved, signal)
  const events = run[Symbol.asyncIterator]()
  try {
    let step = await waited(events.next(), signal)
    if (step.done !== true && step.value.type === 'run-started') step = await waited(events.next(), signal)
    if (step.done !== true && step.value.type !== 'run-failed') return
    await run.result.catch((error: unknown) => {
      // A video behind a key is delivered by doStatus.
      if (!isSoraPipelineError(error) || error.code !== 'no-usable-url') throw error
    })
  } finally {
    await events.return?.()
  }
}

function waited<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  return signal === undefined ? promise : abortable(signal, promise)
}

function runIdOf(headers: Readonly<Record<string, string | undefined>> = {}): string | undefined {
  const key = Object.entries(headers).find(([name]) => name.toLowerCase() === 'idempotency-key')?.[1]
  if (key === undefined || key === '') return undefined
  return key.length > LONGEST_ID ? sha256Of(key) : key
}

function runOf(operation: unknown): string {
  const runId = isRecord(operation) ? operation.runId : undefined
  if (typeof runId === 'string') return runId
  throw new InvalidRequestError([
    { field: 'operation', value: 'unknown', fix: 'give the operation of experimental_startVideo' },
  ])
}

function checkRunner(runner: unknown): void {
  const isRight = ['run', 'resume', 'get'].every((name) => typeof Object(runner)[name] === 'function')
  if (isRight) return
  throwProblems('toVideoModel', [
    optionProblem('runner', runner, 'give a SoraPipeline, or an object with run, resume and get'),
  ])
}
