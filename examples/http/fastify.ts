// An OpenAI-compatible backend as a plugin of a Fastify app.
import { type FastifyInstance, fastify } from 'fastify'
import { toNodeListener } from 'sora-pipeline/http'
import { handler } from './backend.ts'
import { visit } from './visit.ts'

const listener = toNodeListener(handler)

async function videos(scope: FastifyInstance) {
  // The handler reads the bodies itself, so Fastify's parsers are removed inside this plugin.
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
  scope.all('/v1/*', (request, reply) => {
    reply.hijack()
    listener(request.raw, reply.raw)
  })
}

const app = fastify().register(videos)
await app.listen({ port: 0, host: '127.0.0.1' })

await visit(app.server)
