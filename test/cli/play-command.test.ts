import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, request as sendRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { runCommandLine } from '../../src/cli/command-line.js'
import { serve } from '../http/node/serve.js'
import { type FakeTerminal, fakeTerminal } from './terminal.js'

const SWITCH = { 'x-sora-pipeline-play': '1' }

interface Playing {
  readonly terminal: FakeTerminal
  readonly address: string
  readonly ended: Promise<number>
}

async function startPlaying(): Promise<Playing> {
  const terminal = fakeTerminal()
  const ended = runCommandLine(['play'], terminal)
  await terminal.untilPrinted('Ctrl-C ends it')
  const address = /^The page is at (http:\/\/127\.0\.0\.1:\d+\/)$/m.exec(terminal.out())?.[1] ?? ''
  return { terminal, address, ended }
}

/** The status of a request with the name of a host of its own. */
async function statusFor(address: string, host: string): Promise<number | undefined> {
  const request = sendRequest(new URL('/v1/videos', address), { headers: { host } })
  request.end()
  const [answer] = (await once(request, 'response')) as [IncomingMessage]
  answer.resume()
  return answer.statusCode
}

describe('sora-pipeline play', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('serves the page and an open backend until Ctrl-C, and leaves no directory', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'sora-pipeline-test-'))
    onTestFinished(() => rm(folder, { recursive: true }))
    vi.stubEnv('TMPDIR', folder)
    const { terminal, address, ended } = await startPlaying()
    expect(await readdir(folder)).toEqual([expect.stringMatching(/^sora-pipeline-play-/)])
    const page = await fetch(address)
    expect(new URL(page.url).pathname).toBe('/v1/page')
    expect(await page.text()).toMatch(/^<!doctype html>\n<html data-play lang/)
    const list = (await (await fetch(new URL('/v1/videos', address))).json()) as { readonly data: unknown }
    expect(list.data).toEqual([])
    terminal.signals.emit('SIGINT')
    expect(await ended).toBe(130)
    expect(await readdir(folder)).toEqual([])
    await expect(fetch(address)).rejects.toThrow('fetch failed')
    expect(terminal.err()).toBe('')
    expect(terminal.signals.eventNames()).toEqual([])
  })

  it('starts another server process after each kill, also after two in a row, and keeps requests until it listens', async () => {
    const { terminal, address, ended } = await startPlaying()
    const kill = () => fetch(new URL('/play/kill', address), { method: 'POST', headers: SWITCH })
    await kill()
    await kill()
    expect((await fetch(new URL('/v1/videos', address))).status).toBe(200)
    const state = (await (await fetch(new URL('/play/state', address))).json()) as { readonly starts: number }
    expect(state.starts).toBeGreaterThanOrEqual(2)
    terminal.signals.emit('SIGTERM')
    expect(await ended).toBe(143)
  })

  it('lets no other page use the switches, and answers to no other name', async () => {
    const { terminal, address, ended } = await startPlaying()
    const post = (path: string, headers: Record<string, string>) =>
      fetch(new URL(path, address), { method: 'POST', headers })
    const refused = await post('/play/kill', {})
    expect({ status: refused.status, body: await refused.json() }).toEqual({
      status: 403,
      body: { error: { message: 'Could not use the switch: the header x-sora-pipeline-play is missing' } },
    })
    expect((await post('/play/faults/other/on', SWITCH)).status).toBe(404)
    expect((await fetch(new URL('/play/kill', address), { headers: SWITCH })).status).toBe(404)
    // A page of another origin asks first, and no answer allows it.
    const preflight = await fetch(new URL('/play/kill', address), {
      method: 'OPTIONS',
      headers: { origin: 'https://other.example', 'access-control-request-method': 'POST' },
    })
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull()
    expect(await statusFor(address, 'other.example')).toBe(421)
    expect(await statusFor(address, `localhost:${new URL(address).port}`)).toBe(200)
    const state = await (await fetch(new URL('/play/state', address))).json()
    expect(state).toEqual({ faults: [], starts: 1, jobsPaid: 0 })
    terminal.signals.emit('SIGINT')
    await ended
  })

  it.each(['x', '-1', '65536', '1.5'])('refuses the port %s', async (port) => {
    const terminal = fakeTerminal()
    expect(await runCommandLine(['play', `--port=${port}`], terminal)).toBe(2)
    expect(terminal.err()).toContain(`--port is ${port}; give a whole number from 0 to 65535`)
  })

  it('refuses a port that is in use, and leaves nothing running', async () => {
    const { port } = await serve(createServer())
    const terminal = fakeTerminal()
    expect(await runCommandLine(['play', '--port', String(port)], terminal)).toBe(2)
    expect(terminal.err()).toContain(`--port is ${port}, which is in use; give another one`)
  })
})
