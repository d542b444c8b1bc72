import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { get } from './node-pipe.ts'
import type { CopyVideo } from './places.ts'

/** The floor of a copy on the disk: a response of node:http piped into a file, which is flushed. */
export const copyVideo: CopyVideo = async ({ source, directory }) => {
  const path = join(directory, 'pipe.mp4')
  const file = await open(path, 'w')
  try {
    await pipeline(await get(source), file.createWriteStream({ flush: true }))
  } finally {
    await rm(path)
  }
}
