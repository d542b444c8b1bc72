// A graceful shutdown on Express.
import { createServer } from 'node:http'
import express from 'express'
import { toNodeListener } from 'sora-pipeline/http'
import { handler, serve } from './backend.ts'

const app = express()
app.use(toNodeListener(handler)) // Before any body parser, and for every path: /v1 and /healthz.

await serve(createServer(app))
