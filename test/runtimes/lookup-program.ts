// Whether the address that a host name leads to is checked before anything is sent, on the runtime that this is started with.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { nodeExchange } from '../../src/upstream/download/node-exchange.js'

let hits = 0
const server = createServer((_, response) => {
  hits += 1
  response.end()
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const url = new URL(`http://video.example:${(server.address() as AddressInfo).port}/a.mp4`)
const { signal } = new AbortController()
const exchange = (refusal: Error | undefined) =>
  nodeExchange({ url, method: 'GET', headers: {}, signal, refusalOf: () => refusal }, (_, __, callback) =>
    callback(null, [{ address: '127.0.0.1', family: 4 }]),
  ).then(
    ({ status }) => status,
    (error: Error) => error.message,
  )
console.log(JSON.stringify([await exchange(new Error('refused')), hits, await exchange(undefined), hits]))
process.exit()
