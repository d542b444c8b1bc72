import { describe, test } from 'vitest'
import { type S3UploaderOptions, s3Uploader } from '../../../src/strategies/index.js'
import { uploaderConformance } from '../../../src/testing/index.js'
import { KEYS, type S3Fault, s3Server } from './s3-server.js'

const MANY = 200
const WAYS: Readonly<Record<string, { readonly sizes: number[]; readonly options: Partial<S3UploaderOptions> }>> = {
  'in one request': { sizes: [1, 65_536, 1_000_003], options: {} },
  'in one stream': { sizes: [5_242_881, 11_000_003], options: { partBytes: 5_242_880 } },
  'in parts': { sizes: [5_242_881, 11_000_003], options: { partBytes: 5_242_880, multipartFromBytes: 0 } },
}

describe.each(Object.entries(WAYS))('s3Uploader %s', (_, { sizes, options }) => {
  const subject = async (fault?: S3Fault) => {
    const server = await s3Server()
    if (fault !== undefined) server.fail('head', ...Array<S3Fault>(MANY).fill(fault))
    return {
      uploader: s3Uploader({ ...server.connection, ...options }),
      secrets: [KEYS.secretAccessKey],
      requests: () => server.requests.length,
      list: async () => [...server.objects.keys(), ...server.uploads.keys()],
      read: async (url: string) => (await fetch(url)).bytes(),
    }
  }
  uploaderConformance({
    test,
    sizes,
    create: () => subject(),
    createHanging: () => subject({ kind: 'hang' }),
    createFailing: () => subject({ kind: 'error', status: 503, code: 'SlowDown' }),
  })
})
