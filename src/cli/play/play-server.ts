import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fallback, type RunStore, SoraPipeline, type TaskGenerator, type Uploader } from 'sora-pipeline'
import { createHandler, toNodeListener } from 'sora-pipeline/http'
import { fileStore } from 'sora-pipeline/stores'
import {
  googleDriveUploader,
  mirrorResolver,
  soraPublisher,
  url2driveUploader,
  videosApiGenerator,
} from 'sora-pipeline/strategies'
import type { FromServer, PlayUpstreams, ToServer } from './play-messages.js'

// The server process of `sora-pipeline play`: a backend as a user writes it. It may be killed at any time.

// After a kill the next process takes the runs over within this time.
const LEASE_MS = 3000
// Often, so that progress is seen.
const POLL_MS = 300

let isStoreDown = false

process.on('message', (message: ToServer) => {
  if (message.type === 'store') isStoreDown = message.isDown
  else void start(message)
})
// The command has ended.
process.on('disconnect', () => process.exit())

async function start({ upstreams, directory, contentSecret, ...state }: Extract<ToServer, { type: 'start' }>) {
  isStoreDown = state.isStoreDown
  const pipeline = new SoraPipeline({
    ...strategiesOf(upstreams),
    store: switchedStore(fileStore({ directory })),
    leaseMs: LEASE_MS,
    pollSchedule: () => POLL_MS,
    allowPrivateAddresses: ['127.0.0.1'],
  })
  const handler = createHandler(pipeline, { public: true, page: true, contentSecret, onError: () => undefined })
  const server = createServer(toNodeListener(handler))
  server.listen(0, '127.0.0.1', () => report({ type: 'listening', port: (server.address() as AddressInfo).port }))
  // A store that is switched off is read when a client asks for its run.
  const runs = await pipeline.recover().catch(() => [])
  for (const { result } of runs) result.catch(() => undefined)
}

function strategiesOf({ videosApi, posts, mirrors, space, drive, fileUrl }: PlayUpstreams) {
  return {
    generator: reported(videosApiGenerator({ ...videosApi, idempotency: 'key' })),
    publisher: soraPublisher({ baseUrl: posts.baseUrl, apiKey: posts.token }),
    resolver: mirrorResolver({ hosts: mirrors, path: '/MP4/{postId}.mp4' }),
    uploader: fallback(
      atSandbox(googleDriveUploader(drive), fileUrl),
      atSandbox(url2driveUploader({ ...space, name: 'space', label: 'Space' }), fileUrl),
    ),
  }
}

/** Reports the key of each submission, by which the command counts the paid jobs of a run. */
function reported(generator: TaskGenerator): TaskGenerator {
  return {
    ...generator,
    start(request, context) {
      report({ type: 'submitting', runId: context.runId, key: context.idempotencyKey })
      return generator.start(request, context)
    },
  }
}

/** The uploader with the address of the file in the sandbox, because the page of the real service does not have it. */
function atSandbox(uploader: Uploader, fileUrl: string): Uploader {
  return {
    ...uploader,
    async upload(source, context) {
      const uploaded = await uploader.upload(source, context)
      return uploaded.id === undefined ? uploaded : { ...uploaded, url: fileUrl.replace('{id}', uploaded.id) }
    },
  }
}

/** The store, whose every operation fails while it is switched off. */
function switchedStore(store: RunStore): RunStore {
  return new Proxy(store, {
    get(target, name) {
      const operation: unknown = Reflect.get(target, name)
      if (typeof operation !== 'function') return operation
      return async (...input: readonly unknown[]) => {
        if (isStoreDown) throw new Error('The store is switched off')
        return Reflect.apply(operation, target, input)
      }
    },
  })
}

function report(message: FromServer): void {
  process.send?.(message)
}
