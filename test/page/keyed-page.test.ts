import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { afterAll, describe, expect, onTestFinished, test } from 'vitest'
import { createHandler, toNodeListener } from '../../src/http/index.js'
import { ContentRejectedError, GenerationFailedError, memoryStore, SoraPipeline } from '../../src/index.js'
import { fakeResolver, fakeTaskGenerator, fakeUploader } from '../../src/testing/index.js'
import { API_KEY, startKeyedBackend } from '../http/clients/start-backend.js'
import { serve } from '../http/node/serve.js'
import { isPythonLeftOut, pythonTitle, runPython } from '../python/python-client.js'
import { freePort } from '../support/free-port.js'
import { accessibilityProblems, browserTitle, closeBrowser, isBrowserLeftOut, visit } from './browser.js'
import { visitWithKey } from './visit-backend.js'

const run = promisify(execFile)
const HOSTILE = '</textarea><img src="/x" onerror="document.title=1"><script>document.title=2</script>'
// What shells, languages and headers treat specially.
const PROMPT = `It's "a" $HOME \`cat\` \\n %41 @file; {"id":"x"} <b>日本</b>\nline two`
const IMAGE = {
  name: `a 'cat', "1";b.png`,
  mimeType: 'image/png',
  buffer: Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
}

describe.skipIf(isBrowserLeftOut)(browserTitle('the page of a backend with keys, in Chromium'), () => {
  afterAll(closeBrowser)

  test('requests the key before anything else, and keeps it in this tab only', async () => {
    const { baseUrl, arrivals } = await startKeyedBackend({ page: true })
    const { page, problems, foreign } = await visit(`${baseUrl}/page`)
    await page.getByLabel('API key').waitFor()
    expect(arrivals.map(({ path }) => path)).toEqual(['/v1/page'])
    expect(await page.evaluate('document.activeElement.id')).toBe('key')
    expect(await accessibilityProblems(page)).toEqual([])

    await page.getByLabel('API key').fill('sk-wrong')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText('This backend refused the API key; enter one of its keys.').waitFor()
    await page.getByLabel('API key').fill(API_KEY)
    await page.keyboard.press('Enter')
    await page.getByText('No runs yet.').waitFor()
    await page.getByRole('button', { name: 'Make the video' }).click()
    await ended(page)
    expect(await page.getByText('refused the API key').count()).toBe(0)

    const places =
      'JSON.stringify([document.cookie, { ...localStorage }, location.href, document.documentElement.outerHTML])'
    expect(await page.evaluate(places)).not.toContain(API_KEY)
    expect(await page.evaluate('({ ...sessionStorage })')).toEqual({ 'sora-pipeline-key': API_KEY })
    expect(arrivals.filter(({ path }) => path.includes(API_KEY))).toEqual([])
    // The refused key, as Chromium reports it.
    const refused = 'Failed to load resource: the server responded with a status of 401 (Unauthorized)'
    expect(problems.filter((problem) => problem !== refused)).toEqual([])
    expect(foreign).toEqual([])

    await page.reload()
    await ended(page)
    await page.getByRole('button', { name: 'Forget the API key' }).click()
    await page.getByLabel('API key').waitFor()
    expect(await page.evaluate('({ ...sessionStorage })')).toEqual({})
  })

  test('shows every text of a prompt and of the upstreams as text', async () => {
    const generated = { id: HOSTILE, url: 'https://cdn.example/a.mp4', model: HOSTILE }
    const failing = new ContentRejectedError(`Could not find it: ${HOSTILE}`)
    const pipeline = new SoraPipeline({
      generator: {
        name: 'generator',
        label: HOSTILE,
        async generate(_, { report, warn }) {
          report({ phase: HOSTILE, message: HOSTILE })
          warn?.({ code: 'hostile', message: HOSTILE })
          return generated
        },
      },
      resolver: { ...fakeResolver(), name: HOSTILE, resolve: () => Promise.reject(failing) },
      uploader: { ...fakeUploader(), label: HOSTILE, upload: () => Promise.reject(failing) },
    })
    const handler = createHandler(pipeline, { public: true, page: true, onError: () => undefined })
    const { origin } = await serve(createServer(toNodeListener(handler)))
    const { page, foreign } = await visit(`${origin}/v1/page`)
    const requested: string[] = []
    page.on('request', (request) => requested.push(new URL(request.url()).pathname))
    await page.getByLabel('Prompt').fill(HOSTILE)
    await page.getByRole('button', { name: 'Make the video' }).click()
    await ended(page)
    const lanes = await page.locator('#lanes').innerText()
    expect(lanes.split(HOSTILE).length).toBeGreaterThan(4)
    expect(await page.locator('#runs').innerText()).toContain(HOSTILE)
    expect(await page.locator('#code').innerText()).toContain('onerror')
    expect(await page.evaluate('[document.scripts.length, document.images.length, document.title.length > 1]')).toEqual(
      [1, 1, true],
    )
    expect(requested).not.toContain('/x')
    expect(foreign).toEqual([])
  })

  test('a URL that is not one of the web is no link', async () => {
    const pipeline = new SoraPipeline({
      generator: { name: 'generator', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) },
      uploader: { name: 'uploader', upload: async () => ({ url: 'javascript:document.title=3' }) },
    })
    const handler = createHandler(pipeline, { public: true, page: true, onError: () => undefined })
    const { origin } = await serve(createServer(toNodeListener(handler)))
    const { page } = await visit(`${origin}/v1/page`)
    await page.getByRole('button', { name: 'Make the video' }).click()
    await ended(page)
    expect(await page.locator('a[href^="javascript"]').count()).toBe(0)
  })

  test('lists the runs of the key page by page', async () => {
    const { baseUrl, pipeline } = await startKeyedBackend({ page: true, apiKeys: [{ key: API_KEY, owner: 'one' }] })
    for (const number of Array.from({ length: 18 }).keys()) {
      await pipeline.run({ prompt: `Cat ${number}.` }, { owner: 'one' }).result.catch(() => undefined)
    }
    await pipeline.run({ prompt: 'Of another' }, { owner: 'two' }).result.catch(() => undefined)
    const page = await visitWithKey(`${baseUrl}/page`)
    const runs = page.locator('#runs').getByRole('button')
    await expect.poll(() => runs.count()).toBe(8)
    await page.getByRole('button', { name: 'Show older runs' }).click()
    await expect.poll(() => runs.count()).toBe(16)
    await page.getByRole('button', { name: 'Show older runs' }).click()
    await expect.poll(() => runs.count()).toBe(18)
    expect(await page.getByRole('button', { name: 'Show older runs' }).isVisible()).toBe(false)
    const texts = await runs.allInnerTexts()
    expect(new Set(texts.map((text) => text.split('\n')[0])).size).toBe(18)
    expect(texts.join()).not.toContain('Of another')
    await page.getByRole('button', { name: /^Cat 0\./ }).click()
    await ended(page)
    expect(await page.getByRole('button', { name: /^Cat 0\./ }).getAttribute('aria-current')).toBe('true')
  })

  test('an answer that was lost is retried under the same key, so that nothing is paid twice', async () => {
    const { baseUrl, generator, cutAnswers, arrivals } = await startKeyedBackend({ page: true })
    const page = await visitWithKey(`${baseUrl}/page`)
    await page.getByText('No runs yet.').waitFor()
    // Chromium itself repeats the first one.
    cutAnswers(2)
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page.getByRole('alert').getByText('The server does not answer; check that it runs, and try again.').waitFor()
    await page.getByRole('button', { name: 'Make the video' }).click()
    await ended(page)
    const keys = arrivals.filter(({ method }) => method === 'POST').map(({ headers }) => headers.get('idempotency-key'))
    expect(keys).toHaveLength(3)
    expect(new Set(keys).size).toBe(1)
    expect(generator.calls).toHaveLength(1)
  })

  test('a server that stops and starts again is reconnected to, after the last event that was shown', async () => {
    const store = memoryStore()
    const lastIds: (string | null)[] = []
    const start = async (polls: number, port: number) => {
      const generator = fakeTaskGenerator({ polls, video: { id: 'gen_1', url: 'https://cdn.example/a.mp4' } })
      const pipeline = new SoraPipeline({ generator, store, pollSchedule: () => 20 })
      const handler = createHandler(pipeline, { apiKeys: [{ key: API_KEY, owner: 'one' }], page: true })
      const server = createServer(
        toNodeListener((request) => {
          if (request.url.endsWith('/events')) lastIds.push(request.headers.get('last-event-id'))
          return handler(request)
        }),
      )
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
      return {
        port: (server.address() as AddressInfo).port,
        async stop() {
          await pipeline.close()
          server.closeAllConnections()
          await new Promise((resolve) => server.close(resolve))
        },
      }
    }
    const former = await start(1_000_000, await freePort())
    const page = await visitWithKey(`http://127.0.0.1:${former.port}/v1/page`)
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page.getByRole('button', { name: 'Cancel', disabled: false }).waitFor()
    await former.stop()
    await page.locator('#status').getByText('Reconnecting to the server').waitFor()
    const next = await start(2, former.port)
    onTestFinished(next.stop)
    await ended(page)
    expect(await page.locator('#status').innerText()).toBe('Completed')
    expect(lastIds[0]).toBeNull()
    expect(lastIds.at(-1)).toMatch(/^\w+-\d+$/)
    expect(await page.getByText('A new server process resumed the run.').isVisible()).toBe(true)
  })

  test('a video that is refused at once is shown as a run, with the reason; the next press is a new request', async () => {
    let calls = 0
    const generate = async () => {
      calls += 1
      if (calls === 1) throw new GenerationFailedError('Could not make the video: the model is busy')
      throw new ContentRejectedError('Could not make the video: the prompt is refused')
    }
    const pipeline = new SoraPipeline({ generator: { name: 'strict', generate } })
    const handler = createHandler(pipeline, { public: true, page: true, onError: () => undefined })
    const { origin } = await serve(createServer(toNodeListener(handler)))
    const { page } = await visit(`${origin}/v1/page`)
    await page.getByRole('button', { name: 'Make the video' }).click()
    await ended(page)
    await page
      .getByRole('alert')
      .getByText(/the model is busy/)
      .waitFor()
    await page.getByRole('button', { name: 'Make the video' }).click()
    await page
      .getByRole('alert')
      .getByText(/the prompt is refused/)
      .waitFor()
    await ended(page)
    expect(calls).toBe(2)
    const lane = async () => (await page.locator('.lane').first().innerText()).replaceAll(/\s+/g, ' ')
    await expect.poll(lane).toMatch(/^Generate failed .*strict ✗ failed .* the prompt is refused/)
    await expect.poll(() => page.getByRole('button', { name: /A cat playing piano failed/ }).count()).toBe(2)
  })

  test('a run that does not exist is reported with a sentence', async () => {
    const { baseUrl } = await startKeyedBackend({ page: true })
    const page = await visitWithKey(`${baseUrl}/page#video_unknown`)
    await page.getByRole('alert').getByText('Could not find the video: video_unknown').waitFor()
  })

  describe.each([
    ['without an image', undefined],
    ['with an image', IMAGE],
  ])('the copied code %s', (_, image) => {
    async function copied(language: string) {
      const backend = await startKeyedBackend({ page: true })
      const page = await visitWithKey(`${backend.baseUrl}/page`)
      await page.getByLabel('Prompt').fill(PROMPT)
      if (image) await page.locator('#file').setInputFiles(image)
      await page.getByLabel(language).check()
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
      await page.getByRole('button', { name: 'Copy the code' }).click()
      await page.getByText('Copied.').waitFor()
      const code = (await page.evaluate('navigator.clipboard.readText()')) as string
      expect(code).not.toContain(API_KEY)
      const folder = await mkdtemp(join(tmpdir(), 'sora-pipeline-copied-'))
      onTestFinished(() => rm(folder, { recursive: true }))
      if (image) await writeFile(join(folder, image.name), image.buffer)
      const check = async () => {
        expect(await readFile(join(folder, 'video.mp4'))).toEqual(Buffer.from(backend.bytes))
        expect(backend.generator.calls).toHaveLength(1)
        const { input } = backend.generator.calls[0] ?? {}
        expect(input?.prompt).toBe(PROMPT)
        if (image) expect(input?.image).toMatchObject({ bytes: new Uint8Array(image.buffer) })
        else expect(input?.image).toBeUndefined()
      }
      return { code, folder, check }
    }
    const env = { ...process.env, API_KEY, NO_PROXY: '*', no_proxy: '*' }

    test('runs with curl', async () => {
      const { code, folder, check } = await copied('curl')
      const { stdout } = await run('sh', ['-c', code], { cwd: folder, env })
      expect(stdout).toContain('event: run-')
      await check()
    })

    test('runs as TypeScript', async () => {
      const { code, folder, check } = await copied('TypeScript')
      await symlink(resolve('node_modules'), join(folder, 'node_modules'))
      await writeFile(join(folder, 'copied.mts'), code)
      await run(process.execPath, ['copied.mts'], { cwd: folder, env })
      await check()
    })

    test.skipIf(isPythonLeftOut)(pythonTitle('runs with Python'), async () => {
      const { code, folder, check } = await copied('Python')
      const place = `import os\nos.chdir(${JSON.stringify(folder)})\nos.environ["API_KEY"] = ${JSON.stringify(API_KEY)}\n`
      await runPython(place + code)
      await check()
    })
  })
})

async function ended(page: Page): Promise<void> {
  await page
    .locator('#status')
    .getByText(/^(?:Completed|Failed)/)
    .waitFor()
}
