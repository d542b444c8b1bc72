import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { ConfigurationError } from '../../src/contracts/input-errors.js'
import { startSandbox } from '../../src/sandbox/start-sandbox.js'
import { callVideosApi, createVideo, endOf } from './call-videos-api.js'
import { inspectMp4 } from './inspect-mp4.js'

describe('startSandbox', () => {
  it('serves a finished video on three mirrors, and nothing else', async () => {
    await using sandbox = await startSandbox({ speed: 60 })
    const { json } = await createVideo(sandbox)
    const [first] = sandbox.mirrors
    await endOf(sandbox, json.id)
    const answers = await Promise.all(sandbox.mirrors.map((origin) => fetch(`${origin}/MP4/${json.id}.mp4`)))
    expect(answers.map(({ status, headers }) => [status, headers.get('content-type')])).toEqual([
      [200, 'video/mp4'],
      [200, 'video/mp4'],
      [200, 'video/mp4'],
    ])
    for (const answer of answers) {
      expect((await inspectMp4(new Uint8Array(await answer.arrayBuffer()))).packets).toHaveLength(12)
    }
    const part = await fetch(`${first}/MP4/${json.id}.mp4`, { headers: { range: 'bytes=4-7' } })
    expect([part.status, await part.text()]).toEqual([206, 'ftyp'])
    expect((await fetch(`${first}/MP4/${json.id}.mp4`, { method: 'POST' })).status).toBe(405)
    expect((await fetch(`${first}/`)).status).toBe(404)
    const unfinished = await createVideo(sandbox, { seconds: '20', size: '1920x1080' })
    expect((await fetch(`${first}/MP4/${unfinished.json.id}.mp4`)).status).toBe(404)
    const { files, videosApi, chat, posts, parser, drive, jsonBin, spaces } = sandbox
    const upstreams = [files, videosApi, chat, posts, parser, drive, jsonBin, ...spaces].map(({ baseUrl }) => baseUrl)
    expect(new Set([...upstreams, ...sandbox.mirrors].map((url) => new URL(url).origin)).size).toBe(12)
    expect(sandbox.requestsTo('mirror-1')).toHaveLength(5)
    expect(sandbox.requestsTo('mirror-3')).toHaveLength(1)
  })

  it('keeps a log with credentials, paths and answers', async () => {
    await using sandbox = await startSandbox({ apiKey: 'sk-own', faults: { 'videos.list': [null, { kind: 'html' }] } })
    await callVideosApi(sandbox, '/videos?limit=2', { headers: { 'X-Api-Key': 'canary' } })
    await callVideosApi(sandbox, '/videos')
    expect(sandbox.requests).toMatchObject([
      { endpoint: 'videos.list', method: 'GET', path: '/v1/videos?limit=2', status: 200, wasAborted: false },
      { endpoint: 'videos.list', path: '/v1/videos', status: 200, fault: 'html' },
    ])
    const [first] = sandbox.requests
    expect(first?.headers).toMatchObject({ authorization: 'Bearer sk-own', 'x-api-key': 'canary' })
    expect(Math.abs(Date.now() - (first?.at ?? 0))).toBeLessThan(10_000)
    expect(first !== undefined && ('body' in first || 'fault' in first)).toBe(false)
  })

  it('makes a separate key for every sandbox', async () => {
    await using first = await startSandbox()
    await using second = await startSandbox()
    expect(first.videosApi.apiKey).not.toBe(second.videosApi.apiKey)
  })

  it('does 20 jobs at once', async () => {
    await using sandbox = await startSandbox({ speed: 20 })
    const prompts = Array.from({ length: 20 }, (_, index) => `Cat number ${index}`)
    const created = await Promise.all(prompts.map((prompt) => createVideo(sandbox, { prompt })))
    const ended = await Promise.all(created.map(({ json }) => endOf(sandbox, json.id)))
    expect(ended.map(({ status }) => status)).toEqual(prompts.map(() => 'completed'))
    const videos = await Promise.all(
      ended.map(async ({ id }) => (await callVideosApi(sandbox, `/videos/${id}/content`)).headers.get('etag')),
    )
    expect(new Set(videos).size).toBe(20)
  })

  it('closes within a second while requests hang and a video renders, twice', async () => {
    const sandbox = await startSandbox({
      faults: {
        'videos.list': { kind: 'hang' },
        files: { kind: 'slow', delayMs: 60_000 },
        'mirror-1': { kind: 'hang-body' },
      },
    })
    await createVideo(sandbox, { seconds: '20', size: '1920x1080' })
    const hanging = [
      callVideosApi(sandbox, '/videos'),
      fetch(sandbox.files.url('a')),
      fetch(`${sandbox.mirrors[0]}/`).then((response) => response.text()),
    ]
    const outcomes = Promise.allSettled(hanging)
    while (sandbox.requests.length < 4) await new Promise((resolve) => setImmediate(resolve))
    const startedAt = performance.now()
    await Promise.all([sandbox.close(), sandbox.close()])
    expect(performance.now() - startedAt).toBeLessThan(1_000)
    expect((await outcomes).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(sandbox.requests.some(({ wasAborted }) => wasAborted)).toBe(false)
    await expect(fetch(sandbox.files.url('a'))).rejects.toThrow('fetch failed')
  })

  it('leaves nothing behind that holds the process', async () => {
    const module = new URL('../../dist/sandbox/index.js', import.meta.url).href
    const script = `
      import { makeVideo, startSandbox } from ${JSON.stringify(module)}
      const sandbox = await startSandbox({ faults: { 'videos.list': { kind: 'hang' } } })
      const { baseUrl, apiKey } = sandbox.videosApi
      const headers = { authorization: 'Bearer ' + apiKey, 'content-type': 'application/json' }
      const body = JSON.stringify({ prompt: 'A cat' })
      const { status } = await fetch(baseUrl + '/videos', { method: 'POST', headers, body })
      const hanging = fetch(baseUrl + '/videos', { headers }).catch(() => 'cut')
      const bytes = await makeVideo({ prompt: 'A cat', width: 64, height: 64, durationSeconds: 1 })
      await sandbox.close()
      console.log(status, await hanging, bytes.length > 1000)
    `
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const output: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    expect(await once(child, 'close')).toEqual([0, null])
    expect(Buffer.concat(output).toString()).toBe('200 cut true\n')
  })

  it('names every option that is wrong, and no key', async () => {
    const error = await startSandbox({
      speed: 0,
      seed: 0.5,
      pollAfterMs: -1,
      apiKey: '',
      spaceToken: '',
      spaceQueueSize: -1,
      chatVariant: 'html' as 'json',
    }).catch((reason) => reason)
    expect(error).toBeInstanceOf(ConfigurationError)
    expect(error.problems.map(({ field }: { field: string }) => field)).toEqual([
      'speed',
      'seed',
      'apiKey',
      'pollAfterMs',
      'chatVariant',
      'spaceToken',
      'spaceQueueSize',
    ])
  })
})
