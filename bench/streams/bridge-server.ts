import { createHandler, toNodeListener } from 'sora-pipeline/http'
import type { Served } from '../harness/serve-module.ts'
import { fedRunner } from './fed-run.ts'
import { type FedStream, fedServer } from './fed-server.ts'

/** Chat streams of the backend on node:http, as most users run it. */
export function serve(): Served {
  const streams: FedStream[] = []
  return fedServer(streams, toNodeListener(createHandler(fedRunner(streams), { apiKeys: ['bench-key'] })))
}
