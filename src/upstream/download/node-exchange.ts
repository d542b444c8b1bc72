import type { IncomingMessage } from 'node:http'
import type { LookupFunction } from 'node:net'
import type { Exchange, Hop } from './exchange.js'

// Loaded at first use, for they take longer to load than the rest of the library; a part of Node itself cannot be missing then.
const builtin = process.getBuiltinModule

/**
 * Sends a request over `node:http` or `node:https`, on a connection of its own. The host name is looked up once, every address
 * that it leads to has to pass, and the connection is made to one of these very addresses; TLS still checks the name.
 * Rejects with the raw error.
 */
export function nodeExchange(hop: Hop, lookup: LookupFunction = builtin('node:dns').lookup): Promise<Exchange> {
  const { url, method, headers, body, signal } = hop
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    // By the module's object, whose functions a mock of the network replaces in a test.
    const { request: send } = url.protocol === 'https:' ? builtin('node:https') : builtin('node:http')
    const request = send(url, { method, headers, agent: false, lookup: checkedLookup(hop, lookup) })
    let message: IncomingMessage | undefined
    const close = (reason = new Error('The connection was closed')) => {
      const open = message ?? request
      open.destroy(reason)
    }
    const abort = () => close()
    signal.addEventListener('abort', abort, { once: true })
    request.once('close', () => signal.removeEventListener('abort', abort))
    request.on('error', reject)
    request.once('response', (response) => {
      message = response
      const chunks: AsyncIterator<Uint8Array> = response[Symbol.asyncIterator]()
      // After an abort nobody may be waiting for the body any more.
      response.on('error', () => undefined)
      resolve({
        status: response.statusCode ?? 0,
        headers: headersOf(response),
        next: () => chunks.next(),
        close,
      })
    })
    request.end(body)
  })
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
