// A graceful shutdown on node:http.
import { createServer } from 'node:http'
import { toNodeListener } from 'sora-pipeline/http'
import { handler, serve } from './backend.ts'

await serve(createServer(toNodeListener(handler)))
