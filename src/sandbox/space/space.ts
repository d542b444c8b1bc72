import type { JsonValue } from '../../contracts/json.js'
import type { SandboxEndpoint } from '../fault.js'
import { isJsonObject } from '../is-json-object.js'
import { type Answer, eventsReply, jsonReply, type Reply, textReply } from '../reply.js'
import type { ReceivedRequest, Refusal, Router } from '../route.js'
import { namedEvent } from '../server-sent-event.js'
import { type CallOutcome, type SpaceCall, spaceQueue } from './space-queue.js'
import { SPACE_SCHEMAS, type SpaceDialect, spaceConfig, spaceInfo } from './space-schema.js'
import { type SpaceUploadOptions, spaceUpload } from './space-upload.js'

/** Options of {@link space}. */
export interface SpaceOptions extends SpaceUploadOptions {
  /** Prefix of its endpoints' names. */
  readonly name: 'space-1' | 'space-2'
  readonly dialect: SpaceDialect
  /** Makes the Space private: it requires this token with every request. */
  readonly token?: string | undefined
  /** Maximum calls that wait in line, besides the running one. */
  readonly maxQueueSize: number
}

const HEARTBEAT_MS = 15_000

/**
 * A url2drive Space: `/config`, `/info` and the `/call` protocol of Gradio with one function, `upload`. A client that
 * disconnects while its call waits in line drops it; a running call continues unseen. Source: Gradio 4.44.1 and
 * 6.25.0.
 */
export function space({ name, dialect, token, maxQueueSize, ...upload }: SpaceOptions): Router {
  const { prefix, inputs } = SPACE_SCHEMAS[dialect]
  const queue = spaceQueue(maxQueueSize)
  // Before Gradio 6, a result is only found by its own session.
  const hidden = new Set<string>()

  const call = async (data: readonly JsonValue[]): Promise<CallOutcome> => {
    if (data.length < inputs.length) return 'failed'
    const [url = '', password = '', userName = ''] = data.map((value) => (typeof value === 'string' ? value : ''))
    return { value: await spaceUpload({ url, password, userName }, upload) }
  }

  const submit = ({ body }: ReceivedRequest): Reply => {
    const { data, session_hash: session } = isJsonObject(body) ? body : {}
    if (!Array.isArray(data)) return NO_DATA
    const submitted = queue.submit(() => call(data))
    if (submitted === undefined) {
      return detail(503, `Queue is full. Max size is ${maxQueueSize} and size is ${maxQueueSize}.`)
    }
    if (dialect === 4 && session !== undefined) hidden.add(submitted.id)
    return jsonReply(200, { event_id: submitted.id })
  }

  const read = (id: string, signal: AbortSignal): Answer => {
    const found = hidden.has(id) ? undefined : queue.take(id)
    return eventsReply(found === undefined ? sessionNotFound() : eventsOf(found, signal))
  }

  async function* eventsOf(found: SpaceCall, signal: AbortSignal): AsyncGenerator<string, void, undefined> {
    try {
      do yield namedEvent('heartbeat', null)
      while (!(await found.endsWithin(HEARTBEAT_MS, signal)))
      const outcome = await found.outcome
      if (outcome === 'failed') yield namedEvent('error', dialect === 4 ? null : SILENT_ERROR)
      else {
        yield namedEvent('generating', [null])
        yield namedEvent('complete', [outcome.value])
      }
    } finally {
      if (found.isQueued()) queue.leave(found)
    }
  }

  const operations: readonly Operation[] = [
    {
      what: 'config',
      method: 'GET',
      path: /^\/config$/,
      handle: ({ headers }) => jsonReply(200, spaceConfig(dialect, `http://${headers.host}`)),
    },
    {
      what: 'info',
      method: 'GET',
      path: new RegExp(`^${prefix}/info$`),
      handle: () => jsonReply(200, spaceInfo(dialect)),
    },
    {
      what: 'call',
      method: 'POST',
      path: new RegExp(`^${prefix}/call/([^/]+)$`),
      handle: (request, api) => (api === 'upload' ? submit(request) : NO_FUNCTION),
    },
    {
      what: 'stream',
      method: 'GET',
      path: new RegExp(`^${prefix}/call/[^/]+/([^/]+)$`),
      handle: ({ signal }, id) => read(id, signal),
    },
  ]

  return (method, pathname) => {
    const found = operations.find((operation) => operation.method === method && operation.path.test(pathname))
    const endpoint: SandboxEndpoint = `${name}.${found?.what ?? wrongPathEndpoint(method, pathname)}`
    return {
      endpoint,
      refuse,
      handle(request) {
        const { authorization = request.headers['x-hf-authorization'] } = request.headers
        if (token !== undefined && authorization !== `Bearer ${token}`) return PRIVATE
        return found?.handle(request, found.path.exec(pathname)?.[1] ?? '') ?? detail(404, 'Not Found')
      },
    }
  }
}

interface Operation {
  readonly what: 'config' | 'info' | 'call' | 'stream'
  readonly method: string
  /** Its group, if any, is the name of a function or the id of a call. */
  readonly path: RegExp
  readonly handle: (request: ReceivedRequest, id: string) => Answer
}

// A request with the prefix of another Gradio version meets the faults of the endpoint it was meant for.
function wrongPathEndpoint(method: string, pathname: string): Operation['what'] {
  if (pathname.endsWith('/info')) return 'info'
  if (!pathname.includes('/call/')) return 'config'
  return method === 'POST' ? 'call' : 'stream'
}

async function* sessionNotFound(): AsyncGenerator<string, void, undefined> {
  yield namedEvent('error', '404: Session not found.')
  // As in Gradio: the answer has begun, so it can only be cut.
  throw new Error('Could not find the session')
}

const refuse: Refusal = (status, { message }, headers) => jsonReply(status, { detail: message }, headers)

function detail(status: number, message: string): Reply {
  return refuse(status, { message })
}

// Gradio 6 sends an object, but does not report the text of an exception either.
const SILENT_ERROR = { error: null, visible: true, duration: 10, title: 'Error' }

const NO_DATA = jsonReply(422, { detail: [{ type: 'missing', loc: ['body', 'data'], msg: 'Field required' }] })
const NO_FUNCTION = textReply(500, 'Internal Server Error')
const PRIVATE = textReply(404, '<!doctype html><title>404</title><h1>404</h1>', 'text/html; charset=utf-8')
