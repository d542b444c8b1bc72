// A graceful shutdown on Fastify.
import { type FastifyInstance, fastify } from 'fastify'
import { toNodeListener } from 'sora-pipeline/http'
import { handler, serve } from './backend.ts'

const listener = toNodeListener(handler)

async function videos(scope: FastifyInstance) {
  // The handler reads the bodies itself, so Fastify's parsers are removed inside this plugin.
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
  for (const path of ['/v1/*', '/healthz']) {
    scope.all(path, (request, reply) => {
      reply.hijack()
      listener(request.raw, reply.raw)
    })
  }
}

const app = fastify().register(videos)
await app.ready()

await serve(app.server)
