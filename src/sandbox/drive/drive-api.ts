import type { SandboxEndpoint } from '../fault.js'
import { isJsonObject } from '../is-json-object.js'
import { type Answer, emptyReply, jsonReply, type Reply } from '../reply.js'
import type { ReceivedRequest, Router } from '../route.js'
import type { DriveEntry, DriveStore } from './drive-store.js'
import { areFieldsKnown, fileResource } from './file-resource.js'
import { googleError, googleRefusal } from './google-error.js'
import { fileNotFound, invalidFields, parseNewFile } from './new-file.js'
import { PUBLIC_FILE_PATH, publicFile } from './public-files.js'
import type { ResumableUploads } from './resumable-uploads.js'

/** Options of {@link driveApi}. */
export interface DriveApiOptions {
  readonly store: DriveStore
  readonly uploads: ResumableUploads
  /** Returns the valid token. */
  readonly accessToken: () => string
}

interface Operation {
  readonly endpoint: SandboxEndpoint
  readonly method: string
  /** Its group, if any, is the id of a file. */
  readonly path: RegExp
  readonly takesStream?: boolean
  /** `optional`: a wrong token is refused but a missing one is not, because the address itself is the credential. */
  readonly token?: 'optional' | 'none'
  readonly handle: (request: ReceivedRequest, id: string) => Answer | Promise<Answer>
}

/**
 * The part of Google Drive v3 that an upload needs: ids, resumable uploads, metadata, permissions, deletion, and the public
 * addresses of a file. Wire format: Google's reference and guides of the Drive API.
 */
export function driveApi({ store, uploads, accessToken }: DriveApiOptions): Router {
  const withFile = (handle: (request: ReceivedRequest, file: DriveEntry) => Reply) => {
    return (request: ReceivedRequest, id: string) => {
      const file = store.files.get(id)
      return file === undefined ? fileNotFound(id) : handle(request, file)
    }
  }

  const generateIds = ({ query }: ReceivedRequest) => {
    const count = query.get('count') ?? '10'
    if (!/^\d{1,4}$/.test(count) || Number(count) < 1 || Number(count) > 1000) {
      const location = ['count', 'parameter'] as const
      return googleError(400, { message: `Invalid value '${count}'.`, reason: 'invalidParameter', location })
    }
    return jsonReply(200, { kind: 'drive#generatedIds', space: 'drive', ids: store.generateIds(Number(count)) })
  }

  const create = (request: ReceivedRequest) => {
    const parsed = parseNewFile(request, store)
    if ('refusal' in parsed) return parsed.refusal
    return jsonReply(200, fileResource(store.add(parsed.file, EMPTY), request.query.get('fields')))
  }

  const get = withFile((request, file) => {
    const fields = request.query.get('fields')
    if (!areFieldsKnown(fields)) return invalidFields(fields)
    return jsonReply(200, fileResource(file, fields))
  })

  const upload = /^\/upload\/drive\/v3\/files(?:\/([^/]+))?$/
  const one = /^\/drive\/v3\/files\/([^/]+)$/
  const operations: readonly Operation[] = [
    { endpoint: 'drive.generate-ids', method: 'GET', path: /^\/drive\/v3\/files\/generateIds$/, handle: generateIds },
    { endpoint: 'drive.create', method: 'POST', path: /^\/drive\/v3\/files$/, handle: create },
    { endpoint: 'drive.create', method: 'POST', path: /^\/upload\/drive\/v3\/files$/, handle: (r) => uploads.open(r) },
    {
      endpoint: 'drive.create',
      method: 'PATCH',
      path: /^\/upload\/drive\/v3\/files\/([^/]+)$/,
      handle: uploads.open,
    },
    {
      endpoint: 'drive.upload',
      method: 'PUT',
      path: upload,
      takesStream: true,
      token: 'optional',
      handle: uploads.receive,
    },
    { endpoint: 'drive.session', method: 'DELETE', path: upload, token: 'optional', handle: uploads.cancel },
    { endpoint: 'drive.get', method: 'GET', path: one, handle: get },
    {
      endpoint: 'drive.permissions',
      method: 'POST',
      path: /^\/drive\/v3\/files\/([^/]+)\/permissions$/,
      handle: withFile(permit),
    },
    {
      endpoint: 'drive.delete',
      method: 'DELETE',
      path: one,
      handle: (_, id) => (store.delete(id) ? emptyReply(204) : fileNotFound(id)),
    },
    ...['GET', 'HEAD'].map(
      (method): Operation => ({
        endpoint: 'drive.content',
        method,
        path: PUBLIC_FILE_PATH,
        token: 'none',
        handle: (request) => publicFile(request, store),
      }),
    ),
  ]
  const query: Operation = {
    endpoint: 'drive.session',
    method: 'PUT',
    path: upload,
    token: 'optional',
    handle: uploads.query,
  }

  return (method, pathname, headers) => {
    const found = operations.find((operation) => operation.method === method && operation.path.test(pathname))
    if (found === undefined) return undefined
    const isQuery = found.endpoint === 'drive.upload' && /^bytes \*/.test(headers['content-range'] ?? '')
    const { endpoint, path, takesStream, token, handle } = isQuery ? query : found
    return {
      endpoint,
      takesStream,
      refuse: googleRefusal,
      handle(request) {
        const given = request.headers.authorization
        const needsToken = token === undefined || (token === 'optional' && given !== undefined)
        if (needsToken && given !== `Bearer ${accessToken()}`) return WRONG_TOKEN
        return handle(request, path.exec(pathname)?.[1] ?? '')
      },
    }
  }
}

const ROLES: ReadonlySet<unknown> = new Set(['owner', 'organizer', 'fileOrganizer', 'writer', 'commenter', 'reader'])
const TYPES: ReadonlySet<unknown> = new Set(['user', 'group', 'domain', 'anyone'])

function permit({ body }: ReceivedRequest, { permissions }: DriveEntry): Reply {
  const { role, type, emailAddress, domain } = isJsonObject(body) ? body : {}
  if (!ROLES.has(role) || !TYPES.has(type)) {
    return googleError(400, { message: 'The permission type or role field is invalid.', reason: 'invalid' })
  }
  if (type !== 'anyone' && typeof (emailAddress ?? domain) !== 'string') {
    return googleError(400, { message: 'The permission needs an address.', reason: 'invalid' })
  }
  const id = type === 'anyone' ? 'anyoneWithLink' : String(permissions.length + 1)
  const others = permissions.filter((permission) => permission.id !== id)
  const permission = { id, type: String(type), role: String(role) }
  permissions.splice(0, permissions.length, ...others, permission)
  return jsonReply(200, { kind: 'drive#permission', ...permission, allowFileDiscovery: false })
}

// A range without bytes.
const EMPTY = {
  byteLength: 0,
  md5: 'd41d8cd98f00b204e9800998ecf8427e',
  sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
}

const WRONG_TOKEN = googleError(401, {
  message: 'Invalid Credentials',
  reason: 'authError',
  location: ['Authorization', 'header'],
})
