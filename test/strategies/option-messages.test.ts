import { describe, expect, test } from 'vitest'
import {
  chatCompletionsGenerator,
  directoryUploader,
  googleDriveUploader,
  mirrorResolver,
  originalResolver,
  parseServerResolver,
  remoteVideo,
  s3Uploader,
  soraPublisher,
  storageUploader,
  url2driveUploader,
  urlIngestUploader,
  videosApiGenerator,
  webdavUploader,
} from '../../src/strategies/index.js'

// What each factory needs at least.
const factories = {
  videosApiGenerator: (options: object) => videosApiGenerator({ baseUrl: 'https://a.example', ...options }),
  chatCompletionsGenerator: (options: object) =>
    chatCompletionsGenerator({ baseUrl: 'https://a.example', model: 'sora-2', ...options }),
  soraPublisher: (options: object) => soraPublisher({ baseUrl: 'https://a.example', ...options }),
  mirrorResolver: (options: object) => mirrorResolver({ hosts: ['a.example'], ...options }),
  originalResolver: (options: object) => originalResolver(options),
  parseServerResolver: (options: object) => parseServerResolver({ baseUrl: 'https://a.example', ...options }),
  directoryUploader: (options: object) =>
    directoryUploader({ directory: './videos', publicBaseUrl: 'https://a.example', ...options }),
  googleDriveUploader: (options: object) => googleDriveUploader({ accessToken: 'token-1', ...options }),
  url2driveUploader: (options: object) =>
    url2driveUploader({ baseUrl: 'https://a.hf.space', password: 'pass', ...options }),
  s3Uploader: (options: object) =>
    s3Uploader({
      ...{ endpoint: 'https://a.example', region: 'auto', bucket: 'videos', accessKeyId: 'i', secretAccessKey: 'k' },
      ...options,
    }),
  webdavUploader: (options: object) => webdavUploader({ baseUrl: 'https://a.example', ...options }),
  storageUploader: (options: object) => storageUploader({ name: 'mine', put: () => 'https://a.example', ...options }),
  urlIngestUploader: (options: object) =>
    urlIngestUploader({ name: 'mine', ingest: () => 'https://a.example', ...options }),
  remoteVideo: (options: object) => remoteVideo('https://a.example/v', options),
}
type Factory = keyof typeof factories
const ADDRESS = 'give an absolute http or https address, such as'
const TIME = 'give milliseconds above 0 and at most 2147483647, or Infinity'
const BYTES = 'give 1000 bytes or more'
const KEY = 'it is empty; leave the option out for no key'
const DESTINATIONS = 'give true, or hosts ("127.0.0.1")'

const PROBLEMS: Readonly<Record<Factory, readonly (readonly [object, string])[]>> = {
  videosApiGenerator: [
    [{ name: '' }, 'name is "" (give a name)'],
    [{ baseUrl: 'a' }, `baseUrl is "a" (${ADDRESS} "https://api.example/v1")`],
    [{ upstreamId: '' }, 'upstreamId is "" (give a name or leave it out)'],
    [{ apiKey: '' }, `apiKey is unusable (${KEY})`],
    [{ model: ' ' }, 'model is " " (give a model or leave it out)'],
    [{ encoding: 'xml' }, 'encoding is "xml" (give auto or json or multipart)'],
    [{ secondsType: 'x' }, 'secondsType is "x" (give string or number)'],
    [{ videoInput: 'x' }, 'videoInput is "x" (give edits or extensions)'],
    [{ headers: { 'x-a': 'ü' } }, 'headers["x-a"] is unusable'],
    [{ headers: new Headers({ 'x-a': 'b' }) }, 'headers is unusable (give an object of texts by header name'],
    [{ headers: new Map([['x-a', 'b']]) }, 'headers is unusable (give an object of texts by header name'],
    [{ timeoutMs: 0 }, `timeoutMs is 0 (${TIME})`],
    [{ createTimeoutMs: 0 }, `createTimeoutMs is 0 (${TIME})`],
    [{ maxAnswerBytes: 999 }, `maxAnswerBytes is 999 (${BYTES})`],
    [{ serverErrors: 'x' }, 'serverErrors is "x" (give unknown or refused)'],
    [{ idempotency: 'x' }, 'idempotency is "x" (give key or none)'],
    [{ lookup: 'x' }, 'lookup is "x" (give list or none)'],
    [{ settleMs: -1 }, 'settleMs is -1 (give milliseconds from 0)'],
    [{ settleMs: Number.POSITIVE_INFINITY }, 'settleMs is Infinity (give milliseconds from 0)'],
    [{ allowPrivateAddresses: 1 }, `allowPrivateAddresses is 1 (${DESTINATIONS}`],
  ],
  chatCompletionsGenerator: [
    [{ name: '' }, 'name is "" (give a name)'],
    [{ baseUrl: 'a' }, `baseUrl is "a" (${ADDRESS} "https://chat.example/v1")`],
    [{ apiKey: '' }, `apiKey is unusable (${KEY})`],
    [{ model: '' }, 'model is "" (give a model, such as sora2-landscape-10s)'],
    [{ headers: { 'x-a': 'ü' } }, 'headers["x-a"] is unusable'],
    [{ imageUrls: 'x' }, 'imageUrls is "x" (give refuse or send)'],
    [{ idleTimeoutMs: 0 }, `idleTimeoutMs is 0 (${TIME})`],
    [{ timeoutMs: 0 }, `timeoutMs is 0 (${TIME})`],
    [{ maxAnswerBytes: 999 }, `maxAnswerBytes is 999 (${BYTES})`],
    [{ serverErrors: 'x' }, 'serverErrors is "x" (give unknown or refused)'],
  ],
  soraPublisher: [
    [{ name: '' }, 'name is "" (give a name)'],
    [{ baseUrl: 'a' }, `baseUrl is "a" (${ADDRESS} "https://gateway.example/backend")`],
    [{ headers: { 'x-a': 'ü' } }, 'headers["x-a"] is unusable'],
    [{ apiKey: '' }, `apiKey is unusable (${KEY})`],
    [{ postText: 7 }, 'postText is 7 (give a text)'],
    [{ timeoutMs: 0 }, `timeoutMs is 0 (${TIME})`],
  ],
  mirrorResolver: [
    [{ name: '' }, 'name is "" (give a name)'],
    [{ hosts: [] }, 'hosts is an array of 0 (give a list of at least one host)'],
    [{ hosts: ['ftp://a.example'] }, `hosts[0] is "ftp://a.example" (${ADDRESS} cdn.example)`],
    [{ hosts: ['a.example', 'b.example?c=d'] }, 'hosts[1] is "https://b.example" (leave the query out)'],
    [{ path: 'x' }, 'path is "x" (begin it with /)'],
    [{ headers: { 'x-a': 'ü' } }, 'headers["x-a"] is unusable'],
    [{ timeoutMs: 0 }, `timeoutMs is 0 (${TIME})`],
    [{ syncTimeoutMs: -1 }, 'syncTimeoutMs is -1 (give milliseconds from 0)'],
    [{ minBytes: -1 }, 'minBytes is -1 (give bytes from 0)'],
    [{ allowPrivateAddresses: 1 }, `allowPrivateAddresses is 1 (${DESTINATIONS}`],
  ],
  originalResolver: [[{ name: '' }, 'name is "" (give a name)']],
  parseServerResolver: [
    [{ name: '' }, 'name is "" (give a name)'],
    [{ baseUrl: 'a' }, `baseUrl is "a" (${ADDRESS} "https://parse.example")`],
    [{ token: '' }, `token is unusable (${KEY})`],
    [{ shareUrl: 'https://a.example/p' }, 'shareUrl is "https://a.example/p" (put {postId} or {videoId} into it)'],
    [{ shareUrl: 'p/{postId}' }, `shareUrl is "p/{postId}" (${ADDRESS} "https://share.example/p/{postId}")`],
    [{ prove: 'x' }, 'prove is "x" (give true or false)'],
    [{ timeoutMs: 0 }, `timeoutMs is 0 (${TIME})`],
    [{ allowPrivateAddresses: 1 }, `allowPrivateAddresses is 1 (${DESTINATIONS}`],
  ],
  directoryUploader: [
    [{ name: '' }, 'name is "" (give a name)'],
    [{ directory: '' }, 'directory is "" (give the path of a directory)'],
    [{ publicBaseUrl: 'a' }, `publicBaseUrl is "a" (${ADDRESS} "https://media.example/videos")`],
    [{ publicBaseUrl: 'https://a.example?b' }, 'publicBaseUrl is "an address with a query" (leave it out)'],
    [{ publicBaseUrl: 'https://a.example#b' }, 'publicBaseUrl is "an address with a query" (leave it out)'],
    [{ fileName: 'a' }, 'fileName is "a" (give a function)'],
  ],
  googleDriveUploader: [
    [{ name: '' }, 'name is "" (give a name)'],
    [{ label: '' }, 'label is "" (give a display name, or leave it out)'],
    [
      { accessToken: undefined },
      'accessToken is nothing (give an OAuth 2.0 access token, or a function that returns one)',
    ],
    [{ folderId: 'a/b' }, 'folderId is "a/b" (give the id of a folder, the last part of its address, or leave it out)'],
    [{ share: 'x' }, 'share is "x" (give anyone or none)'],
    [{ fileName: 'a' }, 'fileName is "a" (give a function)'],
    [{ chunkBytes: 1 }, 'chunkBytes is 1 (give a multiple of 262144'],
    [{ baseUrl: 'a' }, `baseUrl is "a" (${ADDRESS} "https://www.googleapis.com")`],
    [{ timeoutMs: 0 }, `timeoutMs is 0 (${TIME})`],
    [{ maxAttempts: 0 }, 'maxAttempts is 0 (give a whole number from 1)'],
  ],
  url2driveUploader: [
    [{ name: '' }, 'name is "" (give a name)'],
    [{ label: '' }, 'label is "" (give a display name, or leave it out)'],
    [{ baseUrl: 'a' }, `baseUrl is "a" (${ADDRESS} "https://owner-url2drive.hf.space")`],
    [
      { baseUrl: 'https://huggingface.co/spaces/a/b' },
      'baseUrl is "the page of a Space" (give the address of the Space',
    ],
    [{ baseUrl: 'https://www.huggingface.co/' }, 'baseUrl is "the page of a Space" (give the address of the Space'],
    [{ password: '' }, 'password is unusable (give the access password of the Space)'],
    [{ token: '' }, `token is unusable (${KEY})`],
    [{ apiName: '/upload' }, 'apiName is "/upload" (give a name without a slash, such as "upload")'],
    [{ timeoutMs: 0 }, `timeoutMs is 0 (${TIME})`],
    [{ wakeTimeoutMs: -1 }, 'wakeTimeoutMs is -1 (give milliseconds from 0)'],
    [{ idleTimeoutMs: 0 }, `idleTimeoutMs is 0 (${TIME})`],
    [{ uploadTimeoutMs: 0 }, `uploadTimeoutMs is 0 (${TIME})`],
  ],
  s3Uploader: [
    [{ name: '' }, 'name is "" (give a name)'],
    [{ label: '' }, 'label is "" (give a display name, or leave it out)'],
    [{ endpoint: 'a' }, `endpoint is "a" (${ADDRESS} "https://s3.eu-central-1.amazonaws.com")`],
    [{ endpoint: 'https://a.example?b' }, 'endpoint is "an address with a query" (leave it out)'],
    [{ region: 'eu central' }, `region is "eu central" (give the region, such as 'eu-central-1')`],
    [{ bucket: 'a/b' }, 'bucket is "a/b" (give the name of the bucket alone)'],
    [{ accessKeyId: 'ü' }, 'accessKeyId is unusable (it holds characters that a header cannot carry)'],
    [{ secretAccessKey: ' k' }, 'secretAccessKey is unusable (it has blanks around it, leave them out)'],
    [{ sessionToken: '' }, 'sessionToken is unusable (it is empty)'],
    [{ credentials: {} }, 'credentials is an object (give a function)'],
    [{ key: 7 }, "key is 7 (give a text, such as '{runId}.{extension}')"],
    [{ key: ' ' }, 'key is " " (give a text'],
    [{ key: '{what}' }, 'key is a text with {what} (use {runId}, {date}, {id}, {extension})'],
    [{ key: 'a\\b' }, 'key is "a\\\\b" (leave backslashes and control characters out)'],
    [{ onExisting: 'x' }, 'onExisting is "x" (give fail or overwrite)'],
    [{ url: 'x' }, `url is "x" (give an object of presignSeconds, or 'public')`],
    [{ publicBaseUrl: 'a' }, `publicBaseUrl is "a" (${ADDRESS} "https://media.example")`],
    [{ addressing: 'x' }, 'addressing is "x" (give path or virtual-hosted)'],
    [{ headers: { 'x-a': 'ü' } }, 'headers["x-a"] is unusable'],
    [{ partBytes: 5 }, 'partBytes is 5 (give whole bytes from 5242880 to 5368709120)'],
    [{ multipartFromBytes: -1 }, 'multipartFromBytes is -1 (give whole bytes from 0 to 5368709120)'],
    [{ timeoutMs: 0 }, `timeoutMs is 0 (${TIME})`],
    [{ maxAttempts: 0 }, 'maxAttempts is 0 (give a whole number from 1)'],
  ],
  webdavUploader: [
    [{ name: '' }, 'name is "" (give a name)'],
    [{ baseUrl: 'a' }, `baseUrl is "a" (${ADDRESS} "https://cloud.example/dav/videos")`],
    [{ user: '' }, 'user is "" (give the name of the user)'],
    [{ password: '' }, 'password is unusable (give the password of the user)'],
    [{ apiKey: '' }, `apiKey is unusable (${KEY})`],
    [{ publicBaseUrl: 'a' }, `publicBaseUrl is "a" (${ADDRESS} "https://media.example/videos")`],
    [{ key: '../a' }, 'key is "../a" (leave parts of dots alone out)'],
    [{ onExisting: 'x' }, 'onExisting is "x" (give fail or overwrite)'],
    [{ timeoutMs: 0 }, `timeoutMs is 0 (${TIME})`],
    [{ maxAttempts: 0 }, 'maxAttempts is 0 (give a whole number from 1)'],
  ],
  storageUploader: [
    [{ name: undefined }, 'name is nothing (give a name)'],
    [{ put: 'x' }, 'put is "x" (give a function)'],
    [{ key: 'a/' }, 'key is "a/" (leave empty parts between slashes and the slash at its end out)'],
    [{ givesPageUrl: 1 }, 'givesPageUrl is 1 (give true or false)'],
    [{ timeoutMs: 0 }, `timeoutMs is 0 (${TIME})`],
    [{ maxAttempts: 0 }, 'maxAttempts is 0 (give a whole number from 1)'],
  ],
  urlIngestUploader: [
    [{ name: undefined }, 'name is nothing (give a name)'],
    [{ ingest: 'x' }, 'ingest is "x" (give a function)'],
    [{ givesPageUrl: 1 }, 'givesPageUrl is 1 (give true or false)'],
  ],
  remoteVideo: [
    [{ apiKey: 'k-1' }, 'baseUrl is nothing (give the address of the API that the key belongs to)'],
    [{ headers: { 'x-a': 'b' } }, 'baseUrl is nothing (give the address of the API that the key belongs to)'],
    [{ baseUrl: 'a' }, `baseUrl is "a" (${ADDRESS} https://api.example/v1)`],
    [{ baseUrl: 'https://a.example', apiKey: '' }, `apiKey is unusable (${KEY})`],
    [{ baseUrl: 'https://a.example', headers: { 'x-a': 'ü' } }, 'headers["x-a"] is unusable'],
    [{ timeoutMs: 0 }, `timeoutMs is 0 (${TIME})`],
    [{ allowPrivateAddresses: 1 }, `allowPrivateAddresses is 1 (${DESTINATIONS}`],
  ],
}

describe.each(Object.keys(PROBLEMS) as Factory[])('%s', (factory) => {
  test.each(PROBLEMS[factory])('with %j names the option, its value and what to give', (options, problem) => {
    expect(() => factories[factory](options)).toThrow(`Could not configure ${factory}: ${problem}`)
  })

  test('works with only the required options', () => {
    expect(() => factories[factory]({})).not.toThrow()
  })
})

test.each([
  ['videosApiGenerator', 'videos-api'],
  ['chatCompletionsGenerator', 'chat-completions'],
  ['soraPublisher', 'sora-publisher'],
  ['mirrorResolver', 'mirror'],
  ['originalResolver', 'original'],
  ['parseServerResolver', 'parse-server'],
  ['directoryUploader', 'directory'],
  ['s3Uploader', 's3'],
  ['webdavUploader', 'webdav'],
  ['storageUploader', 'mine'],
  ['urlIngestUploader', 'mine'],
] as const)('%s is called %s, and has a label only where one is given', (factory, name) => {
  expect(factories[factory]({})).toMatchObject({ name })
  expect(factories[factory]({})).not.toHaveProperty('label')
  expect(factories[factory]({ name: 'mine', label: 'Mine' })).toMatchObject({ name: 'mine', label: 'Mine' })
})

test.each([
  ['googleDriveUploader', 'google-drive', 'Google Drive'],
  ['url2driveUploader', 'url2drive', 'Google Drive'],
] as const)('%s is called %s, with the label %s', (factory, name, label) => {
  expect(factories[factory]({})).toMatchObject({ name, label })
  expect(factories[factory]({ name: 'mine', label: 'Mine' })).toMatchObject({ name: 'mine', label: 'Mine' })
})

test.each([
  [{}, 130_000],
  [{ createTimeoutMs: 5_000 }, 15_000],
  [{ createTimeoutMs: 500_000 }, 130_000],
  [{ settleMs: 0 }, 0],
])('with %j a job of videosApiGenerator is surely listed after %i ms', (options, settleMs) => {
  expect(factories.videosApiGenerator(options)).toMatchObject({ submission: { settleMs } })
})

test('an upstream is the address without its query and last slashes, unless it has a name', () => {
  expect(factories.videosApiGenerator({ baseUrl: 'https://a.example/v1//?key=1' }).upstream).toBe(
    'https://a.example/v1',
  )
  expect(factories.videosApiGenerator({ upstreamId: 'mine' }).upstream).toBe('mine')
})
