import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { rawClient } from './raw-client.js'
import { startListener } from './start-listener.js'

describe('requests in a pipeline', () => {
  it('are answered in their order', async () => {
    const { port, stub } = await startListener()
    const client = rawClient(port)
    for (const n of [1, 2, 3]) client.write(`GET /${n}/late HTTP/1.1\r\nhost: a\r\n\r\n`)
    const visits = [await stub.visit(), await stub.visit(), await stub.visit()]
    for (const [index, visit] of visits.toReversed().entries()) {
      visit.push(`answer ${visits.length - index};`)
      visit.end()
      visit.answer()
    }
    await client.until(/answer 1;[\s\S]*answer 2;[\s\S]*answer 3;/)
  })

  it('are all aborted when their client leaves, also those that wait for their turn', async () => {
    const { port, stub, server } = await startListener()
    const client = rawClient(port)
    const [[socket]] = await Promise.all([
      once(server, 'connection'),
      client.write('GET /stream HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(20)),
    ])
    const visits = await Promise.all(Array.from({ length: 20 }, () => stub.visit()))
    visits[0]?.push('data: 1\n\n')
    await client.until(/data: 1/)
    // One for all that wait, however many there are.
    expect(socket.listenerCount('close')).toBeLessThan(8)
    client.socket.destroy()
    await Promise.all(visits.map(({ aborted, cancelled }) => Promise.all([aborted, cancelled])))
  })

  it('are aborted also when some of them have been answered, and when their answer comes later', async () => {
    const { port, stub, server } = await startListener()
    const client = rawClient(port)
    const [[socket]] = await Promise.all([
      once(server, 'connection'),
      client.write('GET /late HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(4)),
    ])
    const [first, second, third, fourth] = [
      await stub.visit(),
      await stub.visit(),
      await stub.visit(),
      await stub.visit(),
    ]
    for (const visit of [first, second]) {
      visit.push('done;')
      visit.end()
      visit.answer()
    }
    await client.until(/done;/, 2)
    client.socket.destroy()
    await once(socket, 'close')
    await Promise.all([third.aborted, fourth.aborted])
    expect([first.request.signal.aborted, second.request.signal.aborted]).toEqual([false, false])
    third.answer()
    fourth.answer()
    await Promise.all([third.cancelled, fourth.cancelled])
  })

  it('are cut together when one that waits for its turn fails', async () => {
    const { port, stub } = await startListener()
    const client = rawClient(port)
    client.write('GET /stream HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(2))
    const [first, second] = [await stub.visit(), await stub.visit()]
    first.push('data: 1\n\n')
    await client.until(/data: 1/)
    second.push('data: 2\n\n')
    second.fail(new Error('broken'))
    await first.cancelled
    await client.ended
    expect(client.text).not.toMatch(/data: 2/)
  })
})

it('leaves no listener on a connection that is used again', async () => {
  const { port, server } = await startListener()
  const client = rawClient(port)
  const requests =
    'POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n1POST /unread HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n1'
  const [[socket]] = await Promise.all([once(server, 'connection'), client.write(requests)])
  onTestFinished(() => void socket.destroy())
  const counts = () => Object.fromEntries(socket.eventNames().map((name: string) => [name, socket.listenerCount(name)]))
  await client.until(/not read$/)
  const before = counts()
  for (let times = 2; times <= 20; times += 1) {
    client.write(requests)
    await client.until(/not read/, times)
  }
  expect(counts()).toEqual(before)
})
