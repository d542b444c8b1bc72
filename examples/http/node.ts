// An OpenAI-compatible backend on node:http.
import { createServer } from 'node:http'
import { toNodeListener } from 'sora-pipeline/http'
import { handler } from './backend.ts'
import { visit } from './visit.ts'

const server = createServer(toNodeListener(handler)).listen(0, '127.0.0.1')

await visit(server)
