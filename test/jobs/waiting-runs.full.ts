import { afterAll, beforeAll, describe, it } from 'vitest'
import { type QueueServer, SERVERS, startQueueServer } from './queue-server.js'
import { expectCheapWait } from './waiting-cost.js'

// The large version of waits.test.ts.

const RUNS = Number(process.env.WAITING_RUNS ?? 5000)

describe.each(SERVERS)(`${RUNS} runs that wait in a queue on %s`, (kind) => {
  let server: QueueServer

  beforeAll(async () => {
    server = await startQueueServer(kind)
  })
  afterAll(() => server?.close())

  it(
    'hold no place in a worker, cost few state writes, and one read and one reschedule per poll',
    () => expectCheapWait(server, RUNS),
    900_000,
  )
})
