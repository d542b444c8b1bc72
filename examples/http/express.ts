// An OpenAI-compatible backend as a part of an Express app, behind its body parser.
import express from 'express'
import { toNodeListener } from 'sora-pipeline/http'
import { handler } from './backend.ts'
import { visit } from './visit.ts'

const app = express()
app.use(express.json({ limit: '25mb' })) // Images come inside the JSON; Express takes 100 kB by default.
app.use('/v1', toNodeListener(handler))
const server = app.listen(0, '127.0.0.1')

await visit(server)
