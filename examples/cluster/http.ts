// An HTTP process: main.ts starts two. Each answers for every run, whichever worker has it.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createHandler, toNodeListener } from 'sora-pipeline/http'
import { createQueueRunner } from 'sora-pipeline/jobs'
import { openSite } from './site.ts'

const { pipeline, queue } = await openSite()
const runner = createQueueRunner(pipeline, queue)
await runner.ready
const server = createServer(toNodeListener(createHandler(runner, { apiKeys: ['my-key'] })))
server.listen(0, '127.0.0.1', () => process.send?.({ ready: true, port: (server.address() as AddressInfo).port }))
process.once('disconnect', () => process.exit())
