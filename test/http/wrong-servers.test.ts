import { createServer, IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { toNodeListener } from '../../src/http/index.js'
import { handlerOf } from './handler-call.js'
import { serve } from './node/serve.js'

describe('a handler in a server that it is not for', () => {
  const message = new IncomingMessage(new Socket())

  it.each<[string, unknown[]]>([
    ['the messages of node:http', [message, new ServerResponse(message)]],
    ['a context of Hono', [{ req: { raw: new Request('http://backend.example/v1/models') } }]],
    ['nothing', []],
  ])('rejects %s, and names toNodeListener', async (_, given) => {
    const { handler, errors } = handlerOf()
    const call = handler as (...all: unknown[]) => Promise<Response>
    await expect(call(...given)).rejects.toMatchObject({
      code: 'configuration-invalid',
      message: expect.stringMatching(
        /^Could not configure createHandler: request is not a Request .*toNodeListener\(handler\)/,
      ),
    })
    expect(errors).toEqual([])
  })

  it('rejects the messages of a server', async () => {
    const { handler } = handlerOf()
    const rejected = Promise.withResolvers<unknown>()
    const server = createServer((request, response) => {
      ;(handler as (...all: unknown[]) => Promise<Response>)(request, response).catch((error: unknown) => {
        rejected.resolve(error)
        response.end()
      })
    })
    const { origin } = await serve(server)
    await fetch(origin)
    expect(await rejected.promise).toMatchObject({ message: expect.stringContaining('toNodeListener(handler)') })
  })

  it.each<[string, unknown[]]>([
    ['Bun.serve', [new Request('http://backend.example/'), { port: 0 }]],
    ['Deno.serve', [new Request('http://backend.example/'), { remoteAddr: {} }]],
    ['a caller with only a request', [message]],
  ])('a listener throws in %s, and names the handler itself', (_, given) => {
    const listener = toNodeListener(handlerOf().handler) as (...all: unknown[]) => void
    expect(() => listener(...given)).toThrow(
      /Could not configure toNodeListener: .*pass the handler itself.*Bun\.serve/,
    )
  })

  it.each([undefined, { fetch: () => new Response() }, handlerOf().pipeline])(
    'a listener of %o is refused',
    (handler) => {
      expect(() => toNodeListener(handler as never)).toThrow(/toNodeListener: handler is .*\(give a function\)/)
    },
  )
})
