import { describe, expect, onTestFinished, test } from 'vitest'
import { fallback } from '../../../src/index.js'
import type { Fault, FaultPlans } from '../../../src/sandbox/fault.js'
import { type SandboxOptions, startSandbox } from '../../../src/sandbox/index.js'
import { url2driveUploader } from '../../../src/strategies/index.js'
import { fakeSource, uploaderConformance } from '../../../src/testing/index.js'
import { videoBytes } from '../../upstream/loopback-server.js'
import { rejection } from '../../upstream/stage-context.js'
import { uploadContext } from './scripted-space.js'

const BYTES = videoBytes(200_000)
const TOKEN = 'hf_canaryToken12345'

async function spaces(options: SandboxOptions = {}) {
  const sandbox = await startSandbox(options)
  onTestFinished(() => sandbox.close())
  sandbox.files.put('a.mp4', BYTES)
  const token = options.spaceToken
  const uploader = (number: 1 | 2) => {
    const { baseUrl, password } = sandbox.spaces[number - 1] as (typeof sandbox.spaces)[number]
    return url2driveUploader({ name: `space-${number}`, baseUrl, password, token, wakeTimeoutMs: 20_000 })
  }
  const source = fakeSource({ isPublic: true, url: sandbox.files.url('a.mp4') })
  return { sandbox, uploader, source }
}

const NUMBERS = [1, 2] as const

describe.each(NUMBERS)('url2driveUploader at the Space of the sandbox: space-%i', (number) => {
  test('puts the bytes into Drive', async () => {
    const { sandbox, uploader, source } = await spaces({ spaceToken: TOKEN })
    const { url, id } = await uploader(number).upload(source, uploadContext())
    expect(url).toMatch(new RegExp(`/file/d/${id}/view$`))
    expect(sandbox.drive.files.get(id ?? '')).toMatchObject({ byteLength: BYTES.length })
    const stored = await fetch(sandbox.drive.fileUrl(id ?? ''))
    expect(Buffer.from(await stored.arrayBuffer()).equals(BYTES)).toBe(true)
  })

  test.each<Fault>([{ kind: 'crlf' }, { kind: 'bom' }, { kind: 'split', bytes: 1 }])(
    'reads a stream that is hard to read: %j',
    async (fault) => {
      const { uploader, source, sandbox } = await spaces()
      sandbox.setFaults({ [`space-${number}.stream`]: fault } as FaultPlans)
      expect((await uploader(number).upload(source, uploadContext())).id).toMatch(/^[\w-]{10,}$/)
    },
  )

  test.each<Fault>([{ kind: 'sleeping', forMs: 1 }, { kind: 'html' }, { kind: 'truncated-json' }, { kind: 'reset' }])(
    'waits for a Space that is not ready: %j',
    async (fault) => {
      const { uploader, source, sandbox } = await spaces()
      sandbox.setFaults({ [`space-${number}.config`]: [fault] } as FaultPlans)
      const context = uploadContext()
      expect((await uploader(number).upload(source, context)).id).toBeDefined()
      expect(context.progress[0]).toEqual({ phase: 'waking' })
    },
  )

  test.each<Fault>([
    { kind: 'sse-cut', afterEvents: 0, how: 'end' },
    { kind: 'sse-cut', afterEvents: 1, how: 'end' },
    { kind: 'sse-cut', afterEvents: 1, how: 'reset' },
    { kind: 'reset' },
    { kind: 'html' },
    { kind: 'status', status: 502 },
  ])('does not know the outcome of a stream that is lost, and the chain continues: %j', async (fault) => {
    const { uploader, source, sandbox } = await spaces()
    sandbox.setFaults({ [`space-${number}.stream`]: fault } as FaultPlans)
    const error = await rejection(uploader(number).upload(source, uploadContext()))
    expect(error).toMatchObject({ isRetryable: false })
    expect(String(error)).toContain('may be in Google Drive')
    const chain = fallback(uploader(number), uploader(number === 1 ? 2 : 1))
    expect((await chain.upload(source, uploadContext())).id).toBeDefined()
  })

  test('reports a wrong password and a missing video', async () => {
    const { uploader, sandbox } = await spaces()
    const { baseUrl } = sandbox.spaces[number - 1] as (typeof sandbox.spaces)[number]
    const missing = fakeSource({ isPublic: true, url: sandbox.files.url('b.mp4') })
    const wrong = url2driveUploader({ baseUrl, password: 'wrong' })
    expect(await rejection(wrong.upload(missing, uploadContext()))).toMatchObject({ code: 'authentication' })
    expect(await rejection(uploader(number).upload(missing, uploadContext()))).toMatchObject({
      code: 'upstream-response',
    })
  })
})

describe.each(NUMBERS)('the contract at the Space of the sandbox: space-%i', (number) => {
  const subject = async (faults: FaultPlans = {}) => {
    const { sandbox, source } = await spaces({ faults, spaceToken: TOKEN })
    const { baseUrl, password } = sandbox.spaces[number - 1] as (typeof sandbox.spaces)[number]
    return {
      uploader: url2driveUploader({ baseUrl, password, token: TOKEN, wakeTimeoutMs: 2_000 }),
      secrets: [password, TOKEN],
      sourceUrl: source.url,
      requests: () => sandbox.requests.length,
    }
  }
  uploaderConformance({
    test,
    takes: 'url',
    create: () => subject(),
    createHanging: () => subject({ [`space-${number}.stream`]: { kind: 'hang' } } as FaultPlans),
    createFailing: () => subject({ [`space-${number}.config`]: { kind: 'status', status: 503 } } as FaultPlans),
  })
})
