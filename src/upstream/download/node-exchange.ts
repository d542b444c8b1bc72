import type { ClientRequest, IncomingMessage } from 'node:http'
import type { LookupFunction, OnReadOpts, Socket } from 'node:net'
import type { Chunks } from '../chunks.js'
import type { Exchange, Hop } from './exchange.js'
import { messageChunks } from './message-chunks.js'

// Loaded at first use, because they take longer to load than the rest of the library.
const builtin = process.getBuiltinModule
const READ_BYTES = 131_072
// Others have the option, and other semantics.
const isNode = !('Bun' in globalThis) && !('Deno' in globalThis)

/**
 * Sends a request over `node:http` or `node:https`, on its own connection. The host name is resolved once, every
 * address that it resolves to has to pass, and the connection is made to one of these addresses; TLS still checks the
 * name. Rejects with the raw error.
 */
export function nodeExchange(hop: Hop, lookup: LookupFunction = builtin('node:dns').lookup): Promise<Exchange> {
  const { url, method, headers, isLarge = false, signal } = hop
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    // Called on the module's object, whose functions a network mock replaces in a test.
    const { request: send } = url.protocol === 'https:' ? builtin('node:https') : builtin('node:http')
    const onread = isLarge && isNode ? oneBuffer(() => request.socket) : undefined
    const options = { method, headers, agent: false, lookup: checkedLookup(hop, lookup), onread }
    const request: ClientRequest = send(url, options)
    let body: Chunks | undefined
    const close = (reason = new Error('The connection was closed')) =>
      body === undefined ? request.destroy(reason) : body.cancel(reason)
    const abort = () => close()
    signal.addEventListener('abort', abort, { once: true })
    request.once('close', () => {
      signal.removeEventListener('abort', abort)
      // Without an answer or an error, such as after a 101.
      reject(new Error('Could not read the answer: the connection was closed before it'))
    })
    request.on('error', reject)
    request.once('response', (response) => {
      const chunks = messageChunks(response)
      body = chunks
      resolve({ status: response.statusCode ?? 0, headers: headersOf(response), next: chunks.next, close })
    })
    request.end(hop.body)
  })
}

/**
 * Lets a socket read into the same memory again and again, as much at once as there is. The HTTP parser copies the body
 * out of it, so memory of its own for each 64 KB would be garbage at once.
 */
function oneBuffer(socketOf: () => Socket | null): OnReadOpts {
  return {
    buffer: Buffer.allocUnsafeSlow(READ_BYTES),
    callback(byteLength, buffer) {
      const socket = socketOf()
      const bytes = buffer.subarray(0, byteLength)
      const isParsedAtOnce = socket?.readableFlowing === true && socket.readableLength === 0
      return socket?.push(isParsedAtOnce ? bytes : new Uint8Array(bytes)) ?? false
    },
  }
}

function checkedLookup({ refusalOf }: Hop, lookup: LookupFunction): LookupFunction {
  return (hostname, options, callback) => {
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, [])
      const addresses =
        typeof found === 'string' ? [{ address: found, family: builtin('node:net').isIP(found) }] : found
      const refusal = addresses.map(({ address }) => refusalOf(address)).find((problem) => problem !== undefined)
      const [first] = addresses
      if (refusal !== undefined) return callback(refusal, [])
      if (first === undefined) return callback(Object.assign(new Error('No address'), { code: 'ENOTFOUND' }), [])
      return options.all === true ? callback(null, addresses) : callback(null, first.address, first.family)
    })
  }
}

function headersOf({ headersDistinct }: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, values = []] of Object.entries(headersDistinct)) {
    for (const value of values) headers.append(name, value)
  }
  return headers
}
