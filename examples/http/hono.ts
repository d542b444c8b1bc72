// An OpenAI-compatible backend as a route of Hono, which calls the handler without an adapter.
import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { handler } from './backend.ts'
import { visit } from './visit.ts'

const app = new Hono().all('/v1/*', (context) => handler(context.req.raw))
const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' })

await visit(server as Server)
