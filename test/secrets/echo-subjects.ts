import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createXai } from '@ai-sdk/xai'
import { createOpenRouter } from '@openrouter/ai-sdk-provider'
import {
  englishTexts,
  fallback,
  type JsonObject,
  memoryStore,
  SoraPipeline,
  type SoraPipelineOptions,
  type TaskGenerator,
  toChatCompletion,
  toChatCompletionChunks,
  toOpenAiError,
  toSse,
} from '../../src/index.js'
import { jsonBinSettings, pipelineFromSettings } from '../../src/settings/index.js'
import {
  arkGenerator,
  chatCompletionsGenerator,
  dashscopeGenerator,
  directoryUploader,
  falGenerator,
  geminiVideoGenerator,
  googleDriveUploader,
  minimaxGenerator,
  mirrorResolver,
  type ProviderGeneratorOptions,
  parseServerResolver,
  replicateGenerator,
  runwayGenerator,
  s3Uploader,
  soraPublisher,
  storageUploader,
  taskApiGenerator,
  url2driveUploader,
  urlIngestUploader,
  videoModelGenerator,
  videosApiGenerator,
  webdavUploader,
} from '../../src/strategies/index.js'
import {
  type FaultHandler,
  fakeContext,
  fakeGenerator,
  fakeSource,
  fakeUploader,
  reply,
  replyFile,
  replyJson,
} from '../../src/testing/index.js'
import { fastClock } from '../faults/fast-clock.js'
import { jumpingClock } from './jumping-clock.js'
import { spied } from './spied.js'

/** How a strategy is configured with a credential. */
export interface EchoConfiguration {
  /** With the credential in its query, when it belongs there. */
  readonly origin: string
  readonly query: string
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
}

/** A strategy at a server that is well, and everything that its work shows. */
export interface EchoSubject {
  readonly name: string
  /** What the server answers while it is well. */
  readonly routes: Readonly<Record<string, FaultHandler>>
  /** Where it may echo. */
  readonly places: readonly string[]
  /** Where credentials can be put, beside a key that fits a header. */
  readonly takes: readonly ('headers' | 'query' | 'any key')[]
  /** Whether it calls a client of the user's own, whose key only its form or a word before it can give away. */
  readonly isOfClient?: true
  play(configuration: EchoConfiguration): Promise<unknown>
}

const VIDEO = replyFile(Buffer.concat([Buffer.from('\0\0\0\x18ftypisom', 'latin1'), Buffer.alloc(500, 'v')]))
const JOB = { id: 'v1', object: 'video', status: 'queued' }
const BYTES = fakeSource({ byteLength: 600 })
const MD5 = createHash('md5').update(BYTES.slice()).digest('hex')
const loopback = ['127.0.0.1']
const directory = join(tmpdir(), 'sora-secrets')

/** Runs a pipeline to its end, and gives everything that it shows. */
async function shownBy(options: SoraPipelineOptions, cancelAt?: string): Promise<unknown> {
  const thrown: unknown[] = []
  const { generator, publisher, resolver, uploader } = options
  const store = memoryStore()
  const pipeline = new SoraPipeline({
    clock: jumpingClock(),
    leaseMs: 1_000_000_000,
    storeTimeoutMs: 1_000_000_000,
    store,
    allowPrivateAddresses: loopback,
    pollSchedule: () => 20_000,
    deadlines: { generateMs: 60_000, publishMs: 300_000, resolveMs: 300_000 },
    ...options,
    generator: spied(generator, thrown),
    publisher: publisher && spied(publisher, thrown),
    resolver: resolver && spied(resolver, thrown),
    uploader: uploader && spied(uploader, thrown),
  })
  const run = pipeline.run({ prompt: 'A cat' })
  const events: unknown[] = []
  const reading = (async () => {
    for await (const event of run) {
      events.push(event)
      if (event.type === cancelAt) void run.cancel(new Error('enough'))
    }
  })()
  const ended = await run.result.catch((error: unknown) => error)
  await reading
  const streams = [{}, { texts: englishTexts, progress: 'reasoning_content' }] as const
  const sse = await Promise.all(streams.map((how) => new Response(toSse(toChatCompletionChunks(run, how))).text()))
  const completion = await toChatCompletion(run).catch((error: unknown) => error)
  const openAi = ended instanceof Error ? toOpenAiError(ended) : undefined
  return { thrown, events, ended, stored: await store.load(run.id), sse, completion, openAi }
}

const video = fakeGenerator({ outcome: { id: 'gen_1', url: 'https://cdn.example/a.mp4' } })
const fromBytes = fakeGenerator({ outcome: { id: 'gen_1', source: BYTES } })

// A header in which the key is sent is refused beside it.
const keyBeside = ({ key, headers }: Pick<EchoConfiguration, 'key' | 'headers'>) =>
  'authorization' in headers ? undefined : key

const videosApi =
  (options: Partial<Parameters<typeof videosApiGenerator>[0]> = {}) =>
  (given: EchoConfiguration) =>
    videosApiGenerator({
      baseUrl: `${given.origin}/v1${given.query}`,
      apiKey: keyBeside(given),
      headers: given.headers,
      allowPrivateAddresses: loopback,
      ...options,
    })

type Provider = (options: ProviderGeneratorOptions) => TaskGenerator

/** A generator of one provider whose job is done at its first poll. */
function providerSubject(
  name: string,
  make: Provider,
  create: string,
  job: JsonObject,
  poll: string,
  done: JsonObject,
): EchoSubject {
  return {
    name,
    takes: ['headers'],
    routes: { [create]: replyJson(job), [poll]: replyJson(done) },
    places: [create, poll],
    play: async ({ origin: baseUrl, key: apiKey, headers }) =>
      shownBy({ generator: make({ baseUrl, apiKey, headers, model: 'owner/model' }) }),
  }
}

const url = 'https://cdn.example/a.mp4'
const tasks = '/contents/generations/tasks'
const ended = { id: 'v1', status: 'succeeded' }
const synthesis = 'POST /services/aigc/video-generation/video-synthesis'
const output = { task_id: 'v1', task_status: 'SUCCEEDED', video_url: url }
const PROVIDERS: readonly EchoSubject[] = [
  providerSubject('arkGenerator', arkGenerator, `POST ${tasks}`, { id: 'v1' }, `${tasks}/v1`, {
    ...ended,
    content: { video_url: url },
  }),
  providerSubject('dashscopeGenerator', dashscopeGenerator, synthesis, { output: { task_id: 'v1' } }, '/tasks/v1', {
    output,
  }),
  providerSubject(
    'minimaxGenerator',
    (options) => minimaxGenerator({ ...options, settleMs: 0 }),
    'POST /v2/video_generation',
    { task_id: 'v1' },
    '/v2/query/video_generation/v1',
    { task: { ...ended, content: { url } } },
  ),
  providerSubject(
    'replicateGenerator',
    replicateGenerator,
    'POST /models/owner/model/predictions',
    { id: 'v1', status: 'starting', urls: { get: '/predictions/v1' } },
    '/predictions/v1',
    { ...ended, output: url },
  ),
  providerSubject('runwayGenerator', runwayGenerator, 'POST /text_to_video', { id: 'v1' }, '/tasks/v1', {
    ...ended,
    output: [url],
  }),
  providerSubject(
    'taskApiGenerator',
    (options) =>
      taskApiGenerator({
        ...options,
        name: 'my-api',
        baseUrl: options.baseUrl ?? '',
        apiKey: 'authorization' in (options.headers ?? {}) ? undefined : options.apiKey,
        create: ({ prompt }) => ({ path: '/tasks', body: { prompt } }),
        poll: { path: ({ id }) => `/tasks/${id}` },
      }),
    'POST /tasks',
    { id: 'v1' },
    '/tasks/v1',
    { ...ended, url },
  ),
]

/** A client of the user's own, whose errors have what the server said. */
async function ask(address: string, init: RequestInit): Promise<Record<string, string>> {
  const answer = await fetch(address, { redirect: 'error', ...init })
  const text = await answer.text()
  if (!answer.ok) throw Object.assign(new Error(text), { status: answer.status, body: text })
  return JSON.parse(text)
}

const CLIENTS: readonly EchoSubject[] = [
  {
    name: 'videoModelGenerator',
    takes: [],
    isOfClient: true,
    routes: {
      'POST /v1/videos/generations': replyJson({ request_id: 'v1' }),
      '/v1/videos/v1': replyJson({ status: 'done', video: { url, duration: 6 } }),
    },
    places: ['POST /v1/videos/generations', '/v1/videos/v1'],
    play: async ({ origin }) => {
      const grok = createXai({ apiKey: 'key-of-no-interest', baseURL: `${origin}/v1` }).video('grok-imagine-video')
      return shownBy({ generator: videoModelGenerator(grok) })
    },
  },
  {
    name: 'videoModelGenerator of one call',
    takes: [],
    isOfClient: true,
    routes: {
      'POST /videos': (call) =>
        replyJson({ id: 'v1', status: 'pending', polling_url: `http://${call.request.headers.host}/videos/v1` })(call),
      '/videos/v1': (call) =>
        replyJson({
          ...{ id: 'v1', status: 'completed', unsigned_urls: [url] },
          polling_url: `http://${call.request.headers.host}/videos/v1`,
        })(call),
    },
    places: ['POST /videos', '/videos/v1'],
    play: async ({ origin }) => {
      const provider = createOpenRouter({ apiKey: 'key-of-no-interest', baseURL: origin })
      return shownBy({ generator: videoModelGenerator(provider.videoModel('google/veo-3.1', { pollIntervalMs: 10 })) })
    },
  },
  {
    name: 'storageUploader',
    takes: [],
    isOfClient: true,
    routes: { 'PUT /a.mp4': replyJson({ url: 'https://media.example/a.mp4' }) },
    places: ['PUT /a.mp4'],
    play: async ({ origin }) =>
      shownBy({
        generator: fromBytes,
        uploader: storageUploader({
          name: 'my-store',
          maxAttempts: 2,
          async put({ body, signal }) {
            const bytes = await new Response(body).bytes()
            return (await ask(`${origin}/a.mp4`, { method: 'PUT', body: bytes, signal })).url ?? ''
          },
        }),
      }),
  },
  {
    name: 'urlIngestUploader',
    takes: [],
    isOfClient: true,
    routes: { 'POST /assets': replyJson({ id: 'a1', url: 'https://media.example/a.mp4' }) },
    places: ['POST /assets'],
    play: async ({ origin }) =>
      shownBy({
        generator: video,
        uploader: urlIngestUploader({
          name: 'my-service',
          async ingest({ url: source, signal }) {
            const { url: place = '' } = await ask(`${origin}/assets`, { method: 'POST', body: source, signal })
            return { url: place }
          },
        }),
      }),
  },
]

export const ECHO_SUBJECTS: readonly EchoSubject[] = [
  ...PROVIDERS,
  ...CLIENTS,
  {
    name: 'videosApiGenerator',
    takes: ['headers', 'query'],
    routes: {
      'POST /v1/videos': replyJson(JOB),
      '/v1/videos/v1/content': VIDEO,
      '/v1/videos/v1': replyJson({ ...JOB, status: 'completed' }),
    },
    places: ['POST /v1/videos', '/v1/videos/v1', '/v1/videos/v1/content'],
    play: async (given) =>
      shownBy({
        generator: videosApi()(given),
        uploader: directoryUploader({ directory, publicBaseUrl: 'https://media.example' }),
      }),
  },
  {
    name: 'videosApiGenerator that looks for a job',
    takes: ['headers', 'query'],
    routes: { 'POST /v1/videos': reply({ status: 500 }), '/v1/videos': replyJson({ data: [] }) },
    places: ['/v1/videos'],
    play: async (given) => shownBy({ generator: videosApi({ lookup: 'list', settleMs: 0 })(given) }),
  },
  {
    name: 'videosApiGenerator that lists jobs',
    takes: ['headers', 'query'],
    routes: { '/v1/videos': replyJson({ data: [{ ...JOB, status: 'in_progress' }] }) },
    places: ['/v1/videos'],
    play: async (given) => {
      const asked = videosApi()(given).pollMany?.([{ id: 'v1' }, { id: 'v2' }], fakeContext())
      return { statuses: await asked?.catch((error: unknown) => ({ thrown: [error] })) }
    },
  },
  {
    name: 'videosApiGenerator that cancels a job',
    takes: ['headers', 'query'],
    routes: {
      'POST /v1/videos': replyJson(JOB),
      'DELETE /v1/videos/v1': replyJson(JOB),
      '/v1/videos/v1': replyJson({ ...JOB, status: 'in_progress', progress: 3 }),
    },
    places: ['DELETE /v1/videos/v1'],
    play: async (given) =>
      shownBy({ generator: videosApi()(given), clock: fastClock(10), pollSchedule: () => 300 }, 'stage-progressed'),
  },
  {
    name: 'falGenerator',
    takes: ['headers'],
    routes: {
      'POST /owner/model': replyJson({ request_id: 'v1', status_url: '/v1/status', response_url: '/v1/result' }),
      '/v1/status': replyJson({ status: 'COMPLETED' }),
      '/v1/result': replyJson({ video: { url: 'https://cdn.example/a.mp4' } }),
    },
    places: ['POST /owner/model', '/v1/status', '/v1/result'],
    play: async ({ origin: baseUrl, key: apiKey, headers }) =>
      shownBy({ generator: falGenerator({ baseUrl, apiKey, headers, model: 'owner/model' }) }),
  },
  {
    name: 'geminiVideoGenerator',
    takes: ['headers'],
    routes: {
      'POST /models/veo-3:predictLongRunning': replyJson({ name: 'models/veo-3/operations/v1' }),
      '/models/veo-3/operations/v1': replyJson({
        done: true,
        response: { generateVideoResponse: { generatedSamples: [{ video: { uri: '/files/v1:download?alt=media' } }] } },
      }),
      '/files/v1:download': VIDEO,
    },
    places: ['POST /models/veo-3:predictLongRunning', '/models/veo-3/operations/v1', '/files/v1:download'],
    play: async ({ origin: baseUrl, key: apiKey, headers }) =>
      shownBy({
        generator: geminiVideoGenerator({ baseUrl, apiKey, headers, model: 'veo-3' }),
        uploader: directoryUploader({ directory, publicBaseUrl: 'https://media.example' }),
      }),
  },
  {
    name: 'chatCompletionsGenerator',
    takes: ['headers', 'query'],
    routes: { 'POST /v1/chat/completions': reply() },
    places: ['POST /v1/chat/completions'],
    play: async ({ origin, query, headers, ...given }) =>
      shownBy({
        generator: chatCompletionsGenerator({
          baseUrl: `${origin}/v1${query}`,
          apiKey: keyBeside({ headers, ...given }),
          headers,
          model: 'sora2',
          idleTimeoutMs: 3_600_000,
        }),
      }),
  },
  {
    name: 'soraPublisher',
    takes: ['headers', 'query'],
    routes: {
      'POST /project_y/post': replyJson({ post: { id: 's_1' } }),
      'DELETE /project_y/post/s_1': replyJson({}),
    },
    places: ['POST /project_y/post', 'DELETE /project_y/post/s_1'],
    play: async ({ origin, query, key: apiKey, headers }) =>
      shownBy({
        generator: video,
        publisher: soraPublisher({ baseUrl: `${origin}${query}`, apiKey, headers }),
        uploader: fakeUploader(),
        unpublishAfterUpload: true,
      }),
  },
  {
    name: 'mirrorResolver',
    takes: ['headers'],
    routes: { '/MP4/*': VIDEO },
    places: ['HEAD /MP4/*', '/MP4/*'],
    play: async ({ origin, key, headers }) =>
      shownBy({
        generator: video,
        resolver: mirrorResolver({
          hosts: [origin],
          path: '/MP4/{videoId}.mp4',
          headers: { 'x-key': key, ...headers },
        }),
      }),
  },
  {
    name: 'parseServerResolver',
    takes: ['query'],
    routes: {
      'POST /get-sora-link': (call) => replyJson({ download_link: `http://${call.request.headers.host}/a.mp4` })(call),
      '/a.mp4': VIDEO,
    },
    places: ['POST /get-sora-link', '/a.mp4'],
    play: async ({ origin, query, key: token }) =>
      shownBy({
        generator: video,
        resolver: parseServerResolver({ baseUrl: `${origin}${query}`, token, shareUrl: 'https://s.example/{videoId}' }),
      }),
  },
  {
    name: 'googleDriveUploader',
    takes: ['query'],
    routes: {
      '/drive/v3/files/generateIds': replyJson({ ids: ['id1'] }),
      'POST /upload/drive/v3/files': reply({ headers: { location: '/upload/session?upload_id=1' } }),
      'PUT /upload/session': replyJson({ id: 'id1', size: '600', md5Checksum: MD5 }),
      'DELETE /upload/session': reply({ status: 204 }),
      'POST /drive/v3/files/id1/permissions': replyJson({ id: 'anyone' }),
      '/drive/v3/files/id1': replyJson({ id: 'id1', size: '600' }),
    },
    places: [
      '/drive/v3/files/generateIds',
      'POST /upload/drive/v3/files',
      'PUT /upload/session',
      'POST /drive/v3/files/id1/permissions',
      'DELETE /drive/v3/files/id1',
    ],
    play: async ({ origin, query, key: accessToken }) =>
      shownBy({
        generator: fromBytes,
        uploader: googleDriveUploader({ baseUrl: `${origin}${query}`, accessToken, maxAttempts: 2 }),
      }),
  },
  {
    name: 'url2driveUploader',
    takes: ['query', 'any key'],
    routes: {
      '/config': replyJson({ api_prefix: '' }),
      '/info': replyJson({ named_endpoints: { '/upload': { parameters: [{}, {}] } } }),
      'POST /call/upload': replyJson({ event_id: 'e1' }),
      '/call/upload/e1': reply(),
    },
    places: ['/config', '/info', 'POST /call/upload', '/call/upload/e1'],
    play: async ({ origin, query, key }) =>
      shownBy({
        generator: video,
        uploader: url2driveUploader({
          baseUrl: `${origin}${query}`,
          password: key,
          token: /^[\x20-\x7e]*$/.test(key) ? key : undefined,
          wakeTimeoutMs: 0,
          idleTimeoutMs: 3_600_000,
        }),
      }),
  },
  {
    name: 's3Uploader',
    takes: [],
    routes: {
      'HEAD /videos/a.mp4': reply({ status: 404 }),
      'PUT /videos/a.mp4': reply({ headers: { etag: `"${MD5}"` } }),
      'DELETE /videos/a.mp4': reply({ status: 204 }),
    },
    places: ['HEAD /videos/a.mp4', 'PUT /videos/a.mp4', 'DELETE /videos/a.mp4'],
    play: async ({ origin, key }) =>
      shownBy({
        generator: fromBytes,
        uploader: s3Uploader({
          ...{ endpoint: origin, bucket: 'videos', region: 'auto', key: 'a.mp4', url: 'public', maxAttempts: 2 },
          ...{ accessKeyId: 'id', secretAccessKey: key, sessionToken: key },
        }),
      }),
  },
  {
    name: 'webdavUploader',
    takes: ['any key'],
    routes: {
      'MKCOL /videos/*': reply({ status: 201 }),
      'HEAD /videos/a/b.mp4': reply({ status: 404 }),
      'HEAD /videos/*': reply({ headers: { 'content-length': '600' } }),
      'PUT /videos/*': reply({ status: 201 }),
      'MOVE /videos/*': reply({ status: 201 }),
      'DELETE /videos/*': reply({ status: 204 }),
    },
    places: ['MKCOL /videos/*', 'HEAD /videos/*', 'PUT /videos/*', 'MOVE /videos/*', 'DELETE /videos/*'],
    play: async ({ origin, key }) =>
      shownBy({
        generator: fromBytes,
        uploader: fallback(
          webdavUploader({
            ...{ baseUrl: `${origin}/videos`, publicBaseUrl: 'https://media.example', key: 'a/b.mp4', maxAttempts: 2 },
            ...{ user: 'anna', password: key },
          }),
          webdavUploader({
            ...{ baseUrl: `${origin}/videos`, publicBaseUrl: 'https://media.example', key: 'a/b.mp4', maxAttempts: 2 },
            name: 'webdav-2',
            apiKey: /^[\x21-\x7e]*$/.test(key) ? key : 'token',
          }),
        ),
      }),
  },
  {
    name: 'jsonBinSettings',
    takes: ['query'],
    routes: {
      '/b/bin1/latest': replyJson({ format: 'sora-pipeline-settings', version: 1, settings: {} }),
      'PUT /b/bin1': replyJson({}),
    },
    places: ['/b/bin1/latest', 'PUT /b/bin1'],
    play: async ({ origin, query, key }) => {
      const warnings: unknown[] = []
      const caught = (error: unknown) => error
      const live = jsonBinSettings({
        binId: 'bin1',
        masterKey: key,
        baseUrl: `${origin}${query}`,
        secrets: { soraApiKey: key },
        onWarning: (warning) => warnings.push(warning),
      })
      const pulled = await live.pull().catch(caught)
      const changed = await live.update({ watermarkFree: { isEnabled: true } }).catch(caught)
      const pipeline = pipelineFromSettings(live, { soraApiKey: key }, { generator: video })
      return { pulled, changed, warnings, more: pipeline.warnings, settings: pipeline.settings }
    },
  },
]
