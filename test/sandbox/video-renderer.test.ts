import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { GenerationFailedError } from '../../src/contracts/upstream-errors.js'
import { type VideoRenderer, type VideoRendererOptions, videoRenderer } from '../../src/sandbox/video-renderer.js'

// Answers with the prompt as bytes; some prompts misbehave.
const SCRIPT = `
  const { parentPort } = require('node:worker_threads')
  parentPort.on('message', ({ prompt }) => {
    if (prompt === 'die') process.exit(7)
    if (prompt === 'throw') throw new Error('out of film')
    if (prompt === 'refuse') return parentPort.postMessage({ error: 'no such colour' })
    if (prompt !== 'stick') parentPort.postMessage({ bytes: Buffer.from(prompt) })
  })
`

const open: VideoRenderer[] = []

const start = (options: VideoRendererOptions = {}) => {
  const started: Worker[] = []
  const startWorker = () => {
    const worker = new Worker(SCRIPT, { eval: true })
    started.push(worker)
    return worker
  }
  const renderer = videoRenderer({ startWorker, ...options })
  open.push(renderer)
  const render = async (prompt: string, signal?: AbortSignal) => {
    const order = { prompt, width: 64, height: 64, framesPerSecond: 12, frameCount: 1 }
    return Buffer.from(await renderer.render(order, signal)).toString()
  }
  return { renderer, render, started }
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((renderer) => renderer.close()))
})

describe('videoRenderer', () => {
  it('renders one after the other in one worker', async () => {
    const { render, started } = start()
    expect(await Promise.all(['a', 'b', 'c'].map((prompt) => render(prompt)))).toEqual(['a', 'b', 'c'])
    expect(started).toHaveLength(1)
  })

  it('fails the render of a worker that dies, and continues with a new one', async () => {
    const { render, started } = start()
    const outcomes = await Promise.allSettled(['a', 'die', 'b', 'throw', 'refuse', 'c'].map((prompt) => render(prompt)))
    expect(
      outcomes.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : outcome.reason.message)),
    ).toEqual([
      'a',
      'Could not render the video: its worker ended with 7',
      'b',
      'Could not render the video: its worker ended with 1',
      'Could not render the video: no such colour',
      'c',
    ])
    expect(started).toHaveLength(4)
    const thrown = await render('throw').catch((error: unknown) => error)
    expect(thrown).toBeInstanceOf(GenerationFailedError)
    expect((thrown as Error).cause).toMatchObject({ message: 'out of film' })
  })

  it('survives a worker that dies while it has nothing to do', async () => {
    const { render, started } = start()
    await render('a')
    await started[0]?.terminate()
    expect(await render('b')).toBe('b')
    expect(started).toHaveLength(2)
  })

  it('stops only renders that no job waits for any more', async () => {
    const { render, started } = start()
    const [first, second] = [new AbortController(), new AbortController()]
    const reason = new Error('enough')
    const stuck = [render('stick', first.signal), render('stick', second.signal)]
    const next = render('a')
    const unwanted = new AbortController()
    const dropped = render('never begun', unwanted.signal)
    unwanted.abort(reason)
    await expect(dropped).rejects.toBe(reason)
    first.abort(reason)
    await expect(stuck[0]).rejects.toBe(reason)
    expect(started).toHaveLength(1)
    second.abort(reason)
    await expect(stuck[1]).rejects.toBe(reason)
    expect(await next).toBe('a')
    expect(started).toHaveLength(2)
  })

  it('remembers the last videos and no more', async () => {
    const { renderer } = start({ cacheSize: 2 })
    const render = (prompt: string) =>
      renderer.render({ prompt, width: 64, height: 64, framesPerSecond: 1, frameCount: 1 })
    const first = await render('a')
    expect(await render('a')).toBe(first)
    await render('b')
    await render('c')
    expect(await render('a')).not.toBe(first)
  })

  it('rejects what waits when it is closed, and everything after', async () => {
    const { renderer, render } = start()
    const outcomes = Promise.allSettled([render('stick'), render('a')])
    await renderer.close()
    await renderer.close()
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await expect(render('a')).rejects.toThrow('Could not render the video: the renderer is closed')
  })
})
