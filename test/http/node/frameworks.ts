import { createServer } from 'node:http'
import type { Server } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import express from 'express'
import { fastify } from 'fastify'
import { Hono } from 'hono'
import type { FetchHandler } from '../../../src/http/node/fetch-handler.js'
import { toNodeListener } from '../../../src/http/node/to-node-listener.js'

/** The ways in which a Fetch handler gets into a server. */
export const FRAMEWORKS = {
  'node:http': { prefix: '/v1', start: (handle) => createServer(toNodeListener(handle)) },
  'Express 5': {
    prefix: '/v1',
    start: (handle) => createServer(express().use(toNodeListener(handle))),
  },
  'Express 5 under a prefix, after body parsers': {
    prefix: '/mounted/here/v1',
    bodyLimit: 100_000,
    start: (handle) =>
      createServer(
        express()
          .use(express.json(), express.urlencoded(), express.text())
          .use('/mounted/here', toNodeListener(handle)),
      ),
  },
  'Fastify 5': {
    prefix: '/v1',
    async start(handle) {
      const app = fastify({ forceCloseConnections: true })
      const listener = toNodeListener(handle)
      app.register(async (scope) => {
        // The handler reads the body itself.
        scope.removeAllContentTypeParsers()
        scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
        scope.all('/v1/*', (request, reply) => {
          reply.hijack()
          listener(request.raw, reply.raw)
        })
      })
      await app.ready()
      return app.server
    },
  },
  'Fastify 5 with its own parsers': {
    prefix: '/v1',
    bodyLimit: 1_000_000,
    async start(handle) {
      const app = fastify({ forceCloseConnections: true })
      const listener = toNodeListener(handle)
      app.all('/v1/*', (request, reply) => {
        reply.hijack()
        listener(Object.assign(request.raw, { body: request.body }), reply.raw)
      })
      await app.ready()
      return app.server
    },
  },
  'Hono on @hono/node-server': {
    prefix: '/v1',
    start(handle) {
      const app = new Hono().all('/v1/*', (context) => handle(context.req.raw))
      return createAdaptorServer({ fetch: app.fetch }) as Server
    },
  },
} as const satisfies Readonly<Record<string, Framework>>
export interface Framework {
  /** What the paths of the handler begin with. */
  readonly prefix: string
  /** How many bytes its parsers take. */
  readonly bodyLimit?: number
  start(handle: FetchHandler): Server | Promise<Server>
}
