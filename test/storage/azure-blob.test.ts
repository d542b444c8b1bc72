import {
  BlobServiceClient,
  ContainerClient,
  ContainerSASPermissions,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { azureUploader } from '../../examples/storage-clients.js'
import { storageUploader } from '../../src/strategies/index.js'
import { type FakeSource, fakeContext, fakeSource, uploaderConformance } from '../../src/testing/index.js'
import { systemClock } from '../../src/timing/system-clock.js'
import { leaksIn } from '../secrets/leaks.js'
import { rejection } from '../upstream/stage-context.js'
import { type StorageServer, startStorageServer, titleOf } from './storage-server.js'

const { title, isLeftOut } = titleOf('azurite', 'storageUploader and a real server, Azurite')
// The account that every Azurite has.
const ACCOUNT = 'devstoreaccount1'
const KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='

describe.skipIf(isLeftOut)(title, () => {
  let server: StorageServer
  let container: ContainerClient
  let sasUrl: string
  const makeContainer = async (name: string) => {
    const service = new BlobServiceClient(`${server.origin}/${ACCOUNT}`, new StorageSharedKeyCredential(ACCOUNT, KEY))
    const made = service.getContainerClient(name)
    await made.create({ access: 'blob' })
    return made
  }
  const signedUrl = (of: ContainerClient) => {
    const permissions = ContainerSASPermissions.parse('cw')
    return of.generateSasUrl({ permissions, expiresOn: new Date(Date.now() + 3_600_000) })
  }
  // Blocks of an upload that failed are no blob, and the store removes them after a week.
  const namesIn = async (of: ContainerClient) => {
    const names: string[] = []
    for await (const { name } of of.listBlobsFlat()) names.push(name)
    return names.sort()
  }
  beforeAll(async () => {
    server = await startStorageServer('azurite')
    container = await makeContainer('videos')
    sasUrl = await signedUrl(container)
  }, 60_000)
  afterAll(() => server?.close())

  const context = (runId: string) => fakeContext({ clock: systemClock, runId })
  const read = async (url: string) => (await fetch(url)).bytes()
  const isStored = async (url: string, source: FakeSource) => Buffer.from(await read(url)).equals(source.slice())

  /** One PUT to an address with a shared access signature, by `fetch` alone: it needs the length beforehand. */
  const sasUploader = (address = sasUrl) =>
    storageUploader({
      name: 'azure-sas',
      key: 'sas/{runId}.{extension}',
      async put({ key, body, mediaType, byteLength, signal }) {
        const url = new URL(address)
        url.pathname += `/${key}`
        const answer = await fetch(url, {
          method: 'PUT',
          headers: {
            'x-ms-blob-type': 'BlockBlob',
            'if-none-match': '*',
            'content-type': mediaType,
            'content-length': String(byteLength),
          },
          body,
          duplex: 'half',
          redirect: 'error',
          signal,
        })
        if (!answer.ok) throw Object.assign(new Error(await answer.text()), { status: answer.status })
        return `${url.origin}${url.pathname}`
      },
    })

  describe('with its own client', () => {
    let cases = 0
    uploaderConformance({
      test,
      timeoutMs: 30_000,
      sizes: [1, 65_536, 9_000_001],
      async create() {
        cases += 1
        const own = await makeContainer(`case-${cases}`)
        const signed = await signedUrl(own)
        return {
          uploader: azureUploader(new ContainerClient(signed)),
          secrets: [new URL(signed).searchParams.get('sig') ?? KEY],
          read,
          list: () => namesIn(own),
          clock: systemClock,
        }
      },
    })
  })

  test('one PUT with a shared access signature stores the bytes as they are', async () => {
    const source = fakeSource({ byteLength: 3_000_000, failAfterBytes: [1_000_000] })
    const result = await sasUploader().upload(source, context('put'))
    expect(result).toEqual({
      url: `${server.origin}/${ACCOUNT}/videos/sas/put.mp4`,
      id: 'sas/put.mp4',
      byteLength: 3_000_000,
    })
    expect(await isStored(result.url, source)).toBe(true)
    const { contentType, contentLength } = await container.getBlobClient('sas/put.mp4').getProperties()
    expect([contentType, contentLength]).toEqual(['video/mp4', 3_000_000])
  })

  test('a blob that exists is left', async () => {
    const first = fakeSource({ byteLength: 1_000 })
    const { url } = await sasUploader().upload(first, context('taken'))
    const error = await rejection(sasUploader().upload(fakeSource({ byteLength: 1_000, seed: 7 }), context('taken')))
    expect(error).toMatchObject({ code: 'request-invalid', message: expect.stringContaining('which is taken') })
    expect(await isStored(url, first)).toBe(true)
  })

  test('so it is with its own client, and any key is stored as it is', async () => {
    const [first, uploader] = [fakeSource({ byteLength: 1_000 }), azureUploader(container)]
    const { url, id } = await uploader.upload(first, context('a b#c?d%25é'))
    expect([await isStored(url, first), id]).toEqual([true, 'a b#c?d%25é.mp4'])
    expect(await namesIn(container)).toContain('a b#c?d%25é.mp4')
    const error = await rejection(uploader.upload(fakeSource({ byteLength: 1_000, seed: 7 }), context('a b#c?d%25é')))
    expect(error).toMatchObject({ code: 'request-invalid', message: expect.stringContaining('which is taken') })
    expect(await isStored(url, first)).toBe(true)
  })

  test('a signature that is wrong is an AuthenticationError without it', async () => {
    const sig = new URL(sasUrl).searchParams.get('sig') ?? ''
    const wrong = sasUrl.replace(/sig=.{10}/, 'sig=canarycana')
    const before = await namesIn(container)
    const error = await rejection(sasUploader(wrong).upload(fakeSource(), context('wrong')))
    expect(error).toMatchObject({ code: 'authentication', isRetryable: false })
    expect(leaksIn(error, [sig.slice(10), KEY])).toEqual([])
    expect(await namesIn(container)).toEqual(before)
  })
})
