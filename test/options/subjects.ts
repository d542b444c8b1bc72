import { toVideoModel } from '../../src/ai-sdk/index.js'
import { abandonedWebhooks, createHandler, createWakeUrl, toNodeListener, verifyWebhook } from '../../src/http/index.js'
import {
  balance,
  fallback,
  followRun,
  memoryStore,
  paceSchedule,
  race,
  SoraPipeline,
  storedRuns,
  toChatCompletion,
  toChatCompletionChunks,
  toEventStream,
  toSse,
  withCircuitBreaker,
  withRetry,
  withTimeout,
} from '../../src/index.js'
import { createQueueRunner, createWorker } from '../../src/jobs/index.js'
import { instrument } from '../../src/otel/index.js'
import { makeVideo, startSandbox } from '../../src/sandbox/index.js'
import { jsonBinSettings, pipelineFromSettings } from '../../src/settings/index.js'
import { fileStore, postgresStore, redisStore, sqliteStore } from '../../src/stores/index.js'
import {
  arkGenerator,
  chatCompletionsGenerator,
  dashscopeGenerator,
  directoryUploader,
  errorFromResponse,
  falGenerator,
  geminiVideoGenerator,
  googleDriveUploader,
  memoryVideo,
  minimaxGenerator,
  mirrorResolver,
  networkErrorFrom,
  originalResolver,
  parseServerResolver,
  remoteVideo,
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
  clockConformance,
  cutReply,
  fakeContext,
  fakeGenerator,
  fakePublisher,
  fakeResolver,
  fakeSource,
  fakeTaskGenerator,
  fakeUploader,
  faultServer,
  generatorConformance,
  manualClock,
  publisherConformance,
  reply,
  replyFile,
  replyJson,
  resolverConformance,
  runStoreConformance,
  slowReply,
  uploaderConformance,
} from '../../src/testing/index.js'

/** What takes options: a call with them, options that are right, and the names of the others. */
export interface Subject {
  readonly call: (options: unknown) => unknown
  readonly right: object
  readonly others: readonly string[]
}

const baseUrl = 'https://api.example/v1'
const pipeline = () => new SoraPipeline({ generator: fakeGenerator() })
const stored = () => new SoraPipeline({ generator: fakeGenerator(), store: memoryStore() })
const fakes = ['name', 'label', 'outcome', 'delayMs', 'progress', 'hangs']
const formats = ['id', 'created', 'model', 'texts', 'progress', 'content', 'role', 'usage', 'clock']
const named = ['name', 'label']
// Those of a pipeline that are neither its generator nor its store.
const ofPipeline = [
  ...['publisher', 'resolver', 'uploader', 'clock', 'onEvent', 'pollSchedule', 'openUrl', 'deadlines'],
  ...['unpublishAfterUpload', 'verifyUploads', 'allowPrivateAddresses', 'maxConcurrentRuns', 'logger', 'recordInputs'],
  ...['leaseMs', 'learnDurations', 'storeTimeoutMs', 'wakeUrl', 'beforeSubmit'],
]
// Of either kind, and never connected.
const ignore = () => undefined
const database = { query: ignore, connect: ignore, totalCount: 0, call: ignore, callBuffer: ignore, on: ignore }
// Refused before it is connected.
const queue = { connection: { host: '127.0.0.1', port: 1 } }
const taskApi = (options: object) =>
  taskApiGenerator({ name: 'my-api', baseUrl, create: () => ({ path: '/' }), ...options })
// Those of every generator of a submit-and-poll API.
const service = [
  ...['imageUrls', 'maxImageBytes'],
  ...['upstreamId', 'apiKey', 'model', 'headers', 'timeoutMs', 'createTimeoutMs', 'maxAnswerBytes', 'serverErrors'],
  ...['idempotency', 'settleMs', 'allowPrivateAddresses', 'fetch', 'maxSockets', 'agent'],
]
const provider = [
  ...[...named, 'baseUrl'],
  ...service.filter((name) => !['apiKey', 'model', 'idempotency', 'settleMs'].includes(name)),
]
const keyed = { baseUrl, apiKey: 'key', model: 'model' }
const model = { specificationVersion: 'v4', provider: 'mine', modelId: 'one' }
const suite = { test: () => undefined, create: () => undefined }
const strategySuite = ['timeoutMs', 'createHanging', 'createFailing']

function of(call: (options: never) => unknown, others: readonly string[], right: object = {}): Subject {
  return { call: call as Subject['call'], right, others }
}

/** Everything that is exported and takes options, with what is nested in them. */
export const SUBJECTS: Readonly<Record<string, Subject>> = {
  SoraPipeline: of((options) => new SoraPipeline(options), ['store', ...ofPipeline], { generator: fakeGenerator() }),
  'SoraPipeline deadlines': of(
    (deadlines) => new SoraPipeline({ generator: fakeGenerator(), deadlines }),
    ['generateMs', 'publishMs', 'resolveMs', 'uploadMs', 'totalMs'],
  ),
  'SoraPipeline.run': of(
    (options) => pipeline().run({ prompt: 'A cat' }, options),
    ['id', 'owner', 'signal', 'traceparent'],
  ),
  'SoraPipeline.run request': of(
    (request) => pipeline().run(request),
    [
      ...['model', 'durationSeconds', 'size', 'aspectRatio', 'image', 'video', 'remixOf', 'storyboard', 'style'],
      ...['seed', 'audio', 'user', 'metadata', 'providerOptions', 'lastFrame', 'references', 'audioInput'],
    ],
    { prompt: 'A cat' },
  ),
  followRun: of((options) => followRun(memoryStore(), 'run_1', options), ['signal', 'clock']),
  'SoraPipeline.recover': of((options) => pipeline().recover(options), ['limit']),
  'SoraPipeline.openVideo': of((options) => pipeline().openVideo('run_1', options), ['variant']),
  'SoraPipeline.close': of((options) => pipeline().close(options), ['graceMs', 'drainMs']),
  'SoraPipeline.list': of((query) => pipeline().list(query), ['owner', 'order', 'after', 'limit']),
  'SoraPipeline.prune': of((options) => pipeline().prune(options), [], { endedBefore: 1 }),
  'SoraPipeline.create': of(
    (options) => pipeline().create({ prompt: 'A cat' }, options),
    ['id', 'owner', 'traceparent'],
  ),
  createQueueRunner: of(
    (options) => createQueueRunner(stored(), options),
    ['backend', 'queueName', 'prefix', 'onError'],
    queue,
  ),
  'createQueueRunner with a pipeline of its own': of(
    (options) => createQueueRunner(options),
    ['backend', 'queueName', 'prefix', 'onError', ...ofPipeline],
    { ...queue, generator: fakeTaskGenerator(), store: memoryStore() },
  ),
  createWorker: of(
    (options) => createWorker(stored(), options),
    ['backend', 'queueName', 'prefix', 'onError', 'concurrency', 'lockMs', 'sweepMs'],
    queue,
  ),
  fallback: of((options) => fallback([fakeUploader()], options), ['continueOn']),
  race: of((options) => race([fakeUploader()], options), ['staggerMs']),
  balance: of((options) => balance([fakeTaskGenerator()], options), ['concurrency', 'shared', 'rate', 'leaseMs']),
  'balance rate': of((rate) => balance([fakeTaskGenerator()], { shared: memoryStore(), rate }), [], {
    jobs: 1,
    perMs: 1000,
  }),
  withRetry: of(
    (options) => withRetry(fakeUploader(), options),
    ['maxAttempts', 'minDelayMs', 'maxDelayMs', 'maxRetryAfterMs', 'shouldRetry', 'random'],
  ),
  withTimeout: of((options) => withTimeout(fakeUploader(), options), [], { timeoutMs: 1 }),
  withCircuitBreaker: of(
    (options) => withCircuitBreaker(fakeUploader(), options),
    ['failures', 'resetAfterMs', 'countsAsFailure'],
  ),
  memoryStore: of(memoryStore, ['maxEnded', 'clock']),
  fileStore: of(fileStore, ['keepEndedMs'], { directory: './never-made' }),
  sqliteStore: of(sqliteStore, ['keepEndedMs'], { path: './never-made/runs.sqlite' }),
  postgresStore: of(postgresStore, ['schema', 'listenClient', 'keepEndedMs', 'timeoutMs'], { pool: database }),
  redisStore: of(redisStore, ['prefix', 'keepEndedMs', 'timeoutMs'], { client: database }),
  paceSchedule: of(paceSchedule, ['firstMs', 'floorMs', 'ceilMs', 'blindMs']),
  toChatCompletion: of((options) => toChatCompletion(pipeline().run({ prompt: 'A cat' }), options), formats),
  toChatCompletionChunks: of(
    (options) => toChatCompletionChunks(pipeline().run({ prompt: 'A cat' }), options),
    formats,
  ),
  toSse: of(
    (options) => toSse((async function* () {})(), options),
    ['heartbeatMs', 'errorContent', 'runId', 'onCancel', 'clock'],
  ),
  taskApiGenerator: of(
    taskApiGenerator,
    ['label', ...service, 'authScheme', 'read', 'poll', 'result', 'cancel', 'find', 'supports', 'sendsCallback'],
    { name: 'my-api', baseUrl, create: ignore },
  ),
  arkGenerator: of(arkGenerator, [...provider], keyed),
  dashscopeGenerator: of(dashscopeGenerator, [...provider], keyed),
  falGenerator: of(falGenerator, [...provider, 'input'], keyed),
  geminiVideoGenerator: of(geminiVideoGenerator, [...provider.filter((name) => name !== 'imageUrls')], keyed),
  minimaxGenerator: of(minimaxGenerator, [...provider, 'settleMs'], keyed),
  replicateGenerator: of(replicateGenerator, [...provider, 'input', 'cancelAfterSeconds'], keyed),
  runwayGenerator: of(runwayGenerator, [...provider], keyed),
  'taskApiGenerator poll': of((poll) => taskApi({ poll }), ['method', 'body'], { path: ignore }),
  'taskApiGenerator result': of((result) => taskApi({ result }), [], { path: ignore }),
  'taskApiGenerator cancel': of((cancel) => taskApi({ cancel }), ['path', 'method', 'body']),
  'taskApiGenerator find': of((find) => taskApi({ find }), [], { path: ignore }),
  videosApiGenerator: of(
    videosApiGenerator,
    [
      ...[...named, 'upstreamId', 'apiKey', 'model', 'encoding', 'secondsType', 'videoInput', 'headers', 'timeoutMs'],
      'callbackField',
      ...['createTimeoutMs', 'maxAnswerBytes', 'serverErrors', 'idempotency', 'lookup', 'settleMs'],
      ...['dialect', 'imageUrls', 'maxImageBytes'],
      ...['allowPrivateAddresses', 'fetch', 'maxSockets', 'agent'],
    ],
    { baseUrl },
  ),
  videoModelGenerator: of(
    (options) => videoModelGenerator({ ...model, doGenerate: () => Promise.reject() }, options),
    [
      ...[
        ...named,
        'errorConfirmations',
        'idempotency',
        'settleMs',
        'callback',
        'downloadHeaders',
        'downloadTimeoutMs',
      ],
      ...['allowPrivateAddresses', 'providerOptions'],
    ],
  ),
  toVideoModel: of((options) => toVideoModel(pipeline(), options), ['modelId', 'deliver', 'owner']),
  chatCompletionsGenerator: of(
    chatCompletionsGenerator,
    [
      ...named,
      'apiKey',
      'headers',
      'imageUrls',
      'idleTimeoutMs',
      'timeoutMs',
      'maxAnswerBytes',
      'serverErrors',
      'fetch',
    ],
    { baseUrl, model: 'sora2' },
  ),
  soraPublisher: of(soraPublisher, [...named, 'headers', 'apiKey', 'postText', 'timeoutMs', 'fetch'], { baseUrl }),
  mirrorResolver: of(
    mirrorResolver,
    [...named, 'path', 'headers', 'timeoutMs', 'syncTimeoutMs', 'minBytes', 'allowPrivateAddresses', 'fetch'],
    { hosts: ['cdn.example'] },
  ),
  parseServerResolver: of(
    parseServerResolver,
    [...named, 'token', 'shareUrl', 'prove', 'timeoutMs', 'allowPrivateAddresses', 'fetch'],
    { baseUrl },
  ),
  originalResolver: of(originalResolver, named),
  googleDriveUploader: of(
    googleDriveUploader,
    [...named, 'folderId', 'share', 'fileName', 'chunkBytes', 'baseUrl', 'timeoutMs', 'maxAttempts', 'fetch'],
    { accessToken: 'token' },
  ),
  url2driveUploader: of(
    url2driveUploader,
    [
      ...named,
      'token',
      'apiName',
      'userName',
      'timeoutMs',
      'wakeTimeoutMs',
      'idleTimeoutMs',
      'uploadTimeoutMs',
      'fetch',
    ],
    { baseUrl, password: 'password' },
  ),
  directoryUploader: of(directoryUploader, [...named, 'fileName'], {
    directory: './never-made',
    publicBaseUrl: 'https://media.example',
  }),
  s3Uploader: of(
    s3Uploader,
    [
      ...[
        ...named,
        'sessionToken',
        'credentials',
        'key',
        'onExisting',
        'url',
        'publicBaseUrl',
        'addressing',
        'headers',
      ],
      ...['partBytes', 'multipartFromBytes', 'timeoutMs', 'maxAttempts', 'fetch'],
    ],
    { endpoint: 'https://s3.example', region: 'auto', bucket: 'videos', accessKeyId: 'id', secretAccessKey: 'key' },
  ),
  's3Uploader url': of(
    (url) =>
      s3Uploader({
        endpoint: 'https://s3.example',
        region: 'auto',
        bucket: 'videos',
        accessKeyId: 'id',
        secretAccessKey: 'key',
        url,
      }),
    [],
    { presignSeconds: 60 },
  ),
  webdavUploader: of(
    webdavUploader,
    [
      ...[...named, 'user', 'password', 'apiKey', 'publicBaseUrl', 'key', 'onExisting', 'timeoutMs', 'maxAttempts'],
      'fetch',
    ],
    { baseUrl: 'https://dav.example/videos' },
  ),
  storageUploader: of(storageUploader, ['label', 'key', 'givesPageUrl', 'timeoutMs', 'maxAttempts'], {
    name: 'mine',
    put: () => 'https://store.example/a.mp4',
  }),
  urlIngestUploader: of(urlIngestUploader, ['label', 'givesPageUrl'], {
    name: 'mine',
    ingest: () => 'https://stream.example/a.m3u8',
  }),
  remoteVideo: of(
    (options) => remoteVideo('https://cdn.example/a.mp4', options),
    ['isPublic', 'isUrlSecret', 'mediaType', 'expiresAt', 'timeoutMs', 'allowPrivateAddresses', 'fetch', 'clock'],
  ),
  memoryVideo: of((options) => memoryVideo(Uint8Array.of(1), options), ['mediaType']),
  errorFromResponse: of(
    (options) => errorFromResponse(new Response(), options),
    ['isSubmission', 'secrets', 'url', 'timeoutMs', 'signal'],
    { what: 'create the video' },
  ),
  networkErrorFrom: of((options) => networkErrorFrom(new Error('cut'), options), ['secrets'], {
    what: 'create the video',
    url: baseUrl,
  }),
  storedRuns: of((options) => storedRuns(memoryStore(), options), ['clock', 'deadlines', 'storeTimeoutMs']),
  createHandler: of(
    (options) => createHandler(pipeline(), options),
    [
      ...[
        'apiKeys',
        'basePath',
        'healthz',
        'models',
        'readModel',
        'readPrompt',
        'prepare',
        'maxBodyBytes',
        'bodyTimeoutMs',
      ],
      ...['maxTotalBodyBytes', 'maxRunsPerOwner', 'acceptTimeoutMs', 'repeatWindowMs', 'onDisconnect', 'cors'],
      ...['contentDelivery', 'contentSecret', 'contentLifetimeMs', 'publicOrigin', 'webhookSecret', 'heartbeatMs'],
      ...[
        'webhookAllowPrivateAddresses',
        'onError',
        'texts',
        'progress',
        'content',
        'role',
        'clock',
        'authenticate',
        'page',
      ],
    ],
    { public: true },
  ),
  'createHandler models': of(
    (fields) => createHandler(pipeline(), { public: true, models: { 'cat-video': fields as object } }),
    [
      ...['model', 'durationSeconds', 'size', 'aspectRatio', 'image', 'video', 'remixOf', 'storyboard', 'style'],
      ...['seed', 'audio', 'user', 'metadata', 'providerOptions', 'lastFrame', 'references', 'audioInput'],
    ],
  ),
  abandonedWebhooks: of((query) => abandonedWebhooks(memoryStore(), query), ['limit', 'after']),
  createWakeUrl: of(createWakeUrl, [], { baseUrl, contentSecret: 'a-secret-of-the-tests' }),
  toEventStream: of(
    (options) => toEventStream(pipeline().run({ prompt: 'A cat' }), options),
    ['lastEventId', 'heartbeatMs', 'onCancel', 'clock'],
  ),
  instrument: of(instrument, ['pipeline', 'tracerProvider', 'meterProvider']),
  toNodeListener: of((options) => toNodeListener(async () => new Response(), options), ['onError']),
  verifyWebhook: of((options) => verifyWebhook({ body: '', headers: {} }, options), ['toleranceMs', 'clock'], {
    secret: 'secret',
  }),
  jsonBinSettings: of(
    jsonBinSettings,
    ['accessKey', 'baseUrl', 'initial', 'secrets', 'allowedHosts', 'timeoutMs', 'onWarning', 'fetch'],
    { binId: 'bin', masterKey: 'key' },
  ),
  pipelineFromSettings: of(
    (options) => pipelineFromSettings({}, {}, options),
    ['fetch', 'store', 'clock', 'onEvent', 'deadlines', 'maxConcurrentRuns', 'leaseMs'],
    { generator: fakeGenerator() },
  ),
  'pipelineFromSettings secrets': of(
    (secrets) => pipelineFromSettings({}, secrets, { generator: fakeGenerator() }),
    [
      ...['soraApiKey', 'publishToken', 'customParseToken', 'googleDrivePassword', 'huggingFaceToken'],
      'googleDriveAccessToken',
    ],
  ),
  startSandbox: of(startSandbox, [
    ...['faults', 'speed', 'seed', 'apiKey', 'pollAfterMs', 'chatVariant', 'spaceToken', 'spaceQueueSize', 'files'],
    'videosDialect',
  ]),
  fakeGenerator: of(fakeGenerator, fakes),
  fakePublisher: of(fakePublisher, fakes),
  fakeResolver: of(fakeResolver, fakes),
  fakeUploader: of(fakeUploader, fakes),
  fakeTaskGenerator: of(fakeTaskGenerator, [
    ...[...named, 'submission', 'starts', 'polls', 'video', 'pollMany', 'found', 'cancel', 'delayMs'],
    'hangs',
  ]),
  fakeContext: of(fakeContext, ['runId', 'signal', 'clock', 'idempotencyKey', 'callbackUrl', 'submittedAt']),
  fakeSource: of(fakeSource, [
    ...['bytes', 'byteLength', 'seed', 'declaredByteLength', 'chunkBytes', 'failAfterBytes', 'failure'],
    ...['hangsAfterBytes', 'isPublic', 'url', 'mediaType', 'expiresAt'],
  ]),
  manualClock: of(manualClock, ['now']),
  makeVideo: of(makeVideo, ['framesPerSecond', 'signal'], {
    prompt: 'A cat',
    width: 64,
    height: 64,
    durationSeconds: 1,
  }),
  faultServer: of((options) => faultServer({}, options), ['tls']),
  cutReply: of((options) => cutReply(reply(), options), ['part', 'afterBytes', 'ending']),
  slowReply: of((options) => slowReply(reply(), options), ['part', 'chunkBytes', 'everyMs']),
  reply: of(reply, ['status', 'headers', 'body']),
  replyJson: of((options) => replyJson(1, options), ['status', 'headers']),
  replyFile: of((options) => replyFile(Uint8Array.of(1), options), ['headers', 'mediaType', 'ranges', 'etag']),
  clockConformance: of(clockConformance, ['timeoutMs'], suite),
  runStoreConformance: of(runStoreConformance, ['timeoutMs'], suite),
  generatorConformance: of(generatorConformance, strategySuite, suite),
  publisherConformance: of(publisherConformance, strategySuite, suite),
  resolverConformance: of(resolverConformance, strategySuite, suite),
  uploaderConformance: of(uploaderConformance, [...strategySuite, 'takes', 'sizes'], suite),
}
