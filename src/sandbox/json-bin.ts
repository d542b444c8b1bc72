import { randomBytes } from 'node:crypto'
import type { JsonObject, JsonValue } from '../contracts/json.js'
import { isJsonObject } from './is-json-object.js'
import { jsonReply, type Reply } from './reply.js'
import type { ReceivedRequest, Refusal, Router } from './route.js'

/** One private bin of JSONBin v3. The last write wins. */
export interface JsonBin {
  readonly router: Router
  readonly binId: string
  readonly record: () => JsonValue
  readonly setRecord: (value: JsonValue) => void
}

/** The keys of a bin; either is sufficient. */
export interface JsonBinKeys {
  readonly masterKey: string
  readonly accessKey: string
}

/**
 * `GET /v3/b/{id}` and `/v3/b/{id}/latest`, with `X-Bin-Meta: false` or `?meta=false` for only the record, and `PUT
 * /v3/b/{id}`, which refuses an empty object and an empty list. Source: JSONBin's API reference.
 */
export function jsonBin({ masterKey, accessKey }: JsonBinKeys): JsonBin {
  const binId = randomBytes(12).toString('hex')
  const createdAt = new Date().toISOString()
  let record: JsonValue = { sample: 'Hello World' }

  const read = ({ headers, query }: ReceivedRequest): Reply => {
    if (headers['x-bin-meta'] === 'false' || query.get('meta') === 'false') return jsonReply(200, record)
    return jsonReply(200, { record, metadata: { id: binId, private: true, createdAt } })
  }

  const update = ({ body, headers }: ReceivedRequest): Reply => {
    const isJson = /[/+]json\b/i.test(headers['content-type'] ?? '')
    // A text is a body that could not be parsed; a bin contains only objects and lists.
    if (body === undefined || isBlank(body)) return refuse(400, { message: 'Bin cannot be blank' })
    if (!isJson || typeof body !== 'object') return refuse(400, { message: 'Invalid JSON. Please try again' })
    record = body
    return jsonReply(200, { record, metadata: { parentId: binId, private: true } })
  }

  const objection = (id: string, { headers }: ReceivedRequest): Reply | undefined => {
    const { 'x-master-key': master, 'x-access-key': access } = headers
    if (!/^[0-9a-f]{24}$/.test(id)) return refuse(400, { message: 'Invalid Bin Id provided' })
    if (master === undefined && access === undefined) {
      return refuse(401, { message: 'You need to pass X-Master-Key in the header to read a private bin' })
    }
    if (master !== masterKey && access !== accessKey) {
      const name = master === undefined ? 'X-Access-Key' : 'X-Master-Key'
      return refuse(401, { message: `${name} is invalid or the bin doesn't belong to your account` })
    }
    return id === binId ? undefined : refuse(404, { message: "Bin not found or it doesn't belong to your account" })
  }

  return {
    binId,
    record: () => record,
    setRecord(value) {
      record = value
    },
    router(method, pathname) {
      const [, id = '', latest] = /^\/v3\/b\/([^/]+)(\/latest)?$/.exec(pathname) ?? []
      const isRead = method === 'GET'
      if (id === '' || !(isRead || (method === 'PUT' && latest === undefined))) return undefined
      return {
        endpoint: isRead ? 'jsonbin.read' : 'jsonbin.update',
        refuse,
        handle: (request) => objection(id, request) ?? (isRead ? read(request) : update(request)),
      }
    },
  }
}

function isBlank(value: JsonValue): boolean {
  if (Array.isArray(value)) return value.length === 0
  return isJsonObject(value) && isEmpty(value)
}

function isEmpty(object: JsonObject): boolean {
  return Object.keys(object).length === 0
}

const refuse: Refusal = (status, { message }, headers) => jsonReply(status, { message }, headers)
