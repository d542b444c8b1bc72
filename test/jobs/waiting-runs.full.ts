import { afterAll, beforeAll, describe, it } from 'vitest'
import { type QueueServer, SERVERS, startQueueServer } from './queue-server.js'
import { expectCheapWait } from './waiting-cost.js'

// The large version of waits.test.ts.

describe.each(SERVERS)('thousands of runs that wait in a queue on %s', (kind) => {
  // PostgreSQL takes several times as long; WAITING_RUNS=5000 tries as many there.
  const runs = Number(process.env.WAITING_RUNS ?? (kind === 'Redis' ? 5000 : 300))
  let server: QueueServer

  beforeAll(async () => {
    server = await startQueueServer(kind)
  })
  afterAll(() => server?.close())

  it(
    'hold no place in a worker, cost few state writes, and one read and one reschedule per poll',
    () => expectCheapWait(server, runs),
    120_000 + runs * 900,
  )
})
