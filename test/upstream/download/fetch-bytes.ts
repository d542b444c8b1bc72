import type { DownloadRequest } from '../../../src/upstream/download/download.js'
import { createDownloader, type DownloaderOptions } from '../../../src/upstream/download/downloader.js'
import { readAll } from '../stage-context.js'

/** Downloads a URL whole. */
export async function fetchBytes(url: string, options: DownloaderOptions = {}, request: Partial<DownloadRequest> = {}) {
  const signal = new AbortController().signal
  const answer = await createDownloader(options)(url, { what: 'download the video', signal, ...request })
  return { ...answer, bytes: answer.body === null ? Buffer.alloc(0) : await readAll(answer.body) }
}

/** A lookup that gives the addresses one set after the other, the last one forever. */
export function lookupOf(...sets: readonly (readonly string[])[]) {
  const asked: string[] = []
  const lookup: NonNullable<DownloaderOptions['lookup']> = (hostname, _, callback) => {
    const addresses = sets[Math.min(asked.length, sets.length - 1)] ?? []
    asked.push(hostname)
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    setImmediate(() => callback(null, found))
  }
  return { lookup, asked }
}

/** The port of a server's address. */
export const portOf = (origin: string) => Number(new URL(origin).port)
