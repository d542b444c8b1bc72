import { optionProblem } from '../../../contracts/check-options.js'
import type { TaskGenerator } from '../../../contracts/generator.js'
import { ConfigurationError } from '../../../contracts/input-errors.js'
import { isJson } from '../../../contracts/is-json.js'
import type { JsonValue } from '../../../contracts/json.js'
import { type Api, createApi } from '../../../upstream/api.js'
import { withImages } from '../fetched-images.js'
import type { PagePlace } from './job-list.js'
import type { JobCall } from './job-poll.js'
import type { TaskApiOperation } from './operation.js'
import { createRehearsal } from './rehearsal.js'
import { createJobReader } from './task-api-answer.js'
import { checkTaskApiOptions, type TaskApiCall, type TaskApiGeneratorOptions } from './task-api-options.js'
import { addressOf } from './task-api-request.js'
import { generatorOf } from './task-service.js'
import { createTaskSubmitter, sentSubmission } from './task-submitter.js'

const NOT_FOUND = 'check baseUrl, and the model if it is a part of the path'

/**
 * Generates through any API that accepts a job and is then polled. `create` maps a request to the request of the API, and `read` an
 * answer to what it means, where the shared tables of synonyms miss it.
 *
 * A submission is sent once. Any answer that may come from an accepted one (a reset, a timeout, 408, 409, 3xx, most 5xx, an
 * unreadable success) rejects with `SubmissionUnknownError`, and the run continues only with `idempotency: 'key'` or `find`. The key
 * goes only to the origin of `baseUrl`, and a video below `baseUrl` counts as behind the key. A completed job without a video is
 * polled three more times, and its run then ends with an `UpstreamResponseError` that has the handle of the job. A state whose word is
 * not known counts as running, with a warning `unknown-state`. An abort only ends the wait: the job continues upstream, at its price,
 * until it is cancelled there.
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { taskApiGenerator } from 'sora-pipeline/strategies'
 *
 * const generator = taskApiGenerator({
 *   name: 'my-api',
 *   baseUrl: 'https://api.example/v1',
 *   apiKey: 'your-key',
 *   create: ({ prompt, durationSeconds }) => ({ path: '/tasks', body: { prompt, duration: durationSeconds } }),
 *   poll: { path: ({ id }) => `/tasks/${encodeURIComponent(id)}` },
 *   read: ({ text }) => ({ id: text('output.task_id'), status: text('output.task_status') }),
 * })
 * console.log(generator.name)
 * ```
 */
export function taskApiGenerator(given: TaskApiGeneratorOptions): TaskGenerator<TaskApiOperation> {
  const options = checkTaskApiOptions(given)
  const { poll, result, cancel, find } = options
  const api = createApi({ ...options, subject: options.name, notFoundAdvice: () => NOT_FOUND })
  const read = createJobReader(options.name, options.read)
  const later = {
    pollOf: (operation: TaskApiOperation) => pollOf(api, poll, operation),
    resultUrlOf: (operation: TaskApiOperation) => {
      if (result === undefined) return ownUrl(api, operation.resultUrl)
      return addressOf(
        api,
        'result.path()',
        called(api, 'result.path()', () => result.path(operation)),
      )
    },
    cancelOf: (operation: TaskApiOperation) => {
      const { path, ...rest } = cancel ?? {}
      if (path !== undefined) return callOf(api, 'cancel', { method: 'POST', ...rest, path }, operation)
      const url = ownUrl(api, operation.cancelUrl)
      return url === undefined
        ? undefined
        : { ...callOf(api, 'cancel', { method: 'POST', ...rest, path: () => url }, operation) }
    },
  }
  const found = find && {
    read,
    urlOf: (page: PagePlace) =>
      addressOf(
        api,
        'find.path()',
        called(api, 'find.path()', () => find.path(page)),
      ),
  }
  const rehearse = createRehearsal({
    ...options,
    phases: ['create', 'poll', ...(result ? (['result'] as const) : []), ...(find ? (['list'] as const) : [])],
    ofOperation: Object.values(later),
    ofPage: found === undefined ? [] : [found.urlOf],
  })
  return generatorOf({
    options,
    api,
    read,
    prepare: options.imageUrls === 'url' ? undefined : (request, context) => withImages(request, options, context),
    submit: createTaskSubmitter(api, options, { read, rehearse }),
    ...later,
    sentOf: (request, context) => sentSubmission(api, options, request, context),
    otherIdAdvice: 'if that is no id of a job, let read return id: null for polls',
    sendsCallback: options.sendsCallback,
    found,
  })
}

function pollOf(api: Api, poll: TaskApiCall | undefined, operation: TaskApiOperation): JobCall {
  if (poll !== undefined) return callOf(api, 'poll', { method: 'GET', ...poll }, operation)
  const url = ownUrl(api, operation.pollUrl)
  if (url !== undefined) return { method: 'GET', url }
  const fix = 'give { path }: the answer to the submission named no address for polls on the origin of baseUrl'
  throw new ConfigurationError(api.subject, [{ field: 'poll', value: 'missing', fix }])
}

function callOf(
  api: Api,
  option: 'poll' | 'cancel',
  { method = 'GET', path, body }: TaskApiCall,
  operation: TaskApiOperation,
): JobCall {
  const url = addressOf(
    api,
    `${option}.path()`,
    called(api, `${option}.path()`, () => path(operation)),
  )
  return { method, url, json: body && jsonIn(api, `${option}.body()`, () => body(operation)) }
}

// A handle may have been written by another version, or by hand.
function ownUrl(api: Api, url: string | undefined): string | undefined {
  return url !== undefined && URL.canParse(url) && new URL(url).origin === api.origin ? url : undefined
}

function jsonIn(api: Api, field: string, call: () => object): JsonValue {
  const value: unknown = called(api, field, call)
  if (isJson(value)) return value as JsonValue
  throw new ConfigurationError(api.subject, [optionProblem(field, value, 'return an object of JSON')])
}

function called<T>(api: Api, field: string, call: () => T): T {
  try {
    return call()
  } catch (error) {
    const thrown = error instanceof Error ? `${error.name}: ${error.message}` : typeof error
    throw new ConfigurationError(api.subject, [{ field, value: thrown, fix: 'let it return', hasFailed: true }])
  }
}
