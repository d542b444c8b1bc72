import { createServer } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { chatAnswer, MODELS } from '../../handler/plain-answers.ts'
import type { Served } from '../../harness/serve-module.ts'

/** The same routes as those of node-server.ts. */
export function serve(): Served {
  const app = new Hono()
  app.use(async (context, next) => {
    if (context.req.header('authorization') !== 'Bearer bench-key') return context.text('', 401)
    return next()
  })
  app.get('/v1/models', (context) => context.json(MODELS))
  app.post('/v1/chat/completions', async (context) => context.json(chatAnswer(await context.req.json())))
  return { server: createServer(getRequestListener(app.fetch)) }
}
