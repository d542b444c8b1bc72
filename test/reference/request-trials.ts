import { InvalidRequestError, type VideoRequest } from 'sora-pipeline'
import { chatCompletionsGenerator, videosApiGenerator } from 'sora-pipeline/strategies'
import { fakeContext } from 'sora-pipeline/testing'

/** What a generator makes of one field of a request. */
export interface Trial {
  /** Such as `seed: 7`. */
  readonly field: string
  /** In plain words, with code in backticks. */
  readonly outcome: string
}

type Sent = { readonly path: string; readonly fields: ReadonlyMap<string, string> }
type Send = (request: VideoRequest, fetch: typeof globalThis.fetch, warn: (message: string) => void) => Promise<unknown>

const baseUrl = 'https://api.example/v1'
const PNG =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
const MP4 = `data:video/mp4;base64,${Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom').toString('base64')}`
const MP3 = `data:audio/mpeg;base64,${Buffer.from('ID3').toString('base64')}`
const POST = `s_${'0'.repeat(32)}`

// Values that are worth a row each; a field of the request that is missing here does not compile.
const SAMPLES: { readonly [Field in keyof Required<VideoRequest>]: readonly VideoRequest[Field][] } = {
  prompt: ['A cat'],
  model: ['sora2-portrait-15s'],
  durationSeconds: [10, 8],
  size: ['1280x720', '720x1280'],
  aspectRatio: ['16:9', '21:9'],
  image: [PNG, 'https://cdn.example/cat.png'],
  lastFrame: [PNG],
  references: [[PNG]],
  audioInput: [MP3],
  video: [MP4, 'https://cdn.example/cat.mp4'],
  remixOf: [POST, 'video_123'],
  storyboard: [[{ durationSeconds: 5, prompt: 'sunrise' }]],
  style: ['anime'],
  seed: [7],
  audio: [true],
  user: ['user_1'],
  metadata: [{ order: '7' }],
  providerOptions: [{ fps: 24 }],
}

/** Gives each field of a request to `videosApiGenerator` and reports what leaves. */
export function videosApiTrials(): Promise<readonly Trial[]> {
  return trialsOf((request, fetch, warn) => {
    const generator = videosApiGenerator({ baseUrl, fetch })
    return generator.start(request, { ...fakeContext(), warn: ({ code }) => warn(code) })
  })
}

/** Gives each field of a request to `chatCompletionsGenerator` with the model `sora2-landscape-10s`, and reports what leaves. */
export function chatCompletionsTrials(): Promise<readonly Trial[]> {
  return trialsOf((request, fetch, warn) => {
    const generator = chatCompletionsGenerator({ baseUrl, fetch, model: 'sora2-landscape-10s' })
    return generator.generate(request, { ...fakeContext(), warn: ({ code }) => warn(code) })
  })
}

async function trialsOf(send: Send): Promise<readonly Trial[]> {
  const plain = await trial({ prompt: 'A dog' }, send)
  if (typeof plain === 'string') throw new Error(`Could not send a plain request: ${plain}`)
  const trials = Object.entries(SAMPLES).flatMap(([field, values]) =>
    values.map(async (value: unknown) => {
      const found = await trial({ prompt: 'A dog', [field]: value }, send)
      return {
        field: `${field}: ${shown(value)}`,
        outcome: typeof found === 'string' ? found : difference(found, plain),
      }
    }),
  )
  return Promise.all(trials)
}

/** What was sent with its warnings, or the fix of the error that kept it from being sent. */
async function trial(
  request: VideoRequest,
  send: Send,
): Promise<(Sent & { readonly warnings: readonly string[] }) | string> {
  const warnings: string[] = []
  let sent: Sent | undefined
  const fetch = async (input: string | URL | Request, init?: RequestInit) => {
    // An image that the generator fetches.
    if ((init?.method ?? 'GET') === 'GET') return new Response(Buffer.from(PNG.split(',')[1] ?? '', 'base64'))
    sent = {
      path: new URL(String(input)).pathname.replace('/v1', ''),
      fields: await fieldsOf(new Response(init?.body ?? null)),
    }
    return Response.json({ error: { message: 'no' } }, { status: 401 })
  }
  const error = await send(request, fetch, (warning) => warnings.push(warning)).catch((thrown: unknown) => thrown)
  if (error instanceof InvalidRequestError)
    return `\`InvalidRequestError\`: ${error.problems.map(({ fix }) => fix).join('; ')}`
  if (sent === undefined) throw error
  return { ...sent, warnings }
}

async function fieldsOf(body: Response): Promise<ReadonlyMap<string, string>> {
  const isForm = body.headers.get('content-type')?.startsWith('multipart/') === true
  const entries = isForm ? [...(await body.formData())] : Object.entries((await body.json()) as object)
  return new Map(entries.map(([name, value]) => [name, value instanceof File ? 'a file' : shown(value)]))
}

function difference(sent: Sent & { readonly warnings: readonly string[] }, plain: Sent): string {
  const changed = [...sent.fields].filter(([name, value]) => plain.fields.get(name) !== value)
  const where = sent.path === plain.path ? '' : ` to \`${sent.path}\``
  const fields = changed.map(([name, value]) => (value === 'a file' ? `file \`${name}\`` : `\`${name}: ${value}\``))
  const what = changed.length > 0 ? `sent${where} as ${fields.join(', ')}` : where ? `sent${where}` : 'not sent'
  return [what, ...sent.warnings.map((word) => `warning \`${word}\``)].join('; ')
}

function shown(value: unknown): string {
  const text = JSON.stringify(value).replaceAll(/data:(\w+\/\w+);base64,[\w+/=]+/g, 'data:$1;…')
  return text.replaceAll(POST, 's_000…')
}
