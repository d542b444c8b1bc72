import { randomUUID } from 'node:crypto'
import { access, constants, type FileHandle, link, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { checkOptions, type OptionRules, optionProblem } from '../../contracts/check-options.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import { aFunction, required, ruleOf, text } from '../../contracts/option-rules.js'
import type { VideoSource } from '../../contracts/source.js'
import type { StageContext } from '../../contracts/stage.js'
import type { Uploader } from '../../contracts/uploader.js'
import { extensionOf, mediaTypeOf } from '../../upstream/media-type.js'
import { addressProblem, named } from '../option-rules.js'
import { createByteProgress } from './byte-progress.js'
import { directoryError } from './directory-error.js'
import { removeLeftParts } from './left-parts.js'
import { readVideo } from './read-video.js'
import { hasExtension, numberedName, safeFileName } from './safe-file-name.js'

/** Options of `directoryUploader`. */
export interface DirectoryUploaderOptions {
  /** Name in events and messages. @defaultValue `'directory'` */
  readonly name?: string | undefined
  /** Display name, in progress texts. @defaultValue `name` */
  readonly label?: string | undefined
  /**
   * Path of the directory for the files; it is created if missing. Its file system has to support hard links.
   */
  readonly directory: string
  /**
   * Address under which a web server serves the directory, such as `https://media.example/videos`, without a query.
   */
  readonly publicBaseUrl: string
  /**
   * Returns the name of the file, such as `cat.mp4`. The name is made safe: no path, at most 150 bytes. An extension
   * is added by the media type if it has none.
   * @defaultValue the id of the run, with the extension of the media type
   */
  readonly fileName?: ((source: VideoSource, context: StageContext) => string) | undefined
}

const MOST_NUMBERS = 1_000
// One is written while the next is read.
const BATCH_BYTES = 524_288
const BATCH_CHUNKS = 64

const RULES: OptionRules<DirectoryUploaderOptions> = {
  ...named,
  directory: required(text('give the path of a directory')),
  publicBaseUrl: required(
    ruleOf((field, value) => {
      const problem = addressProblem(field, value, '"https://media.example/videos"', 'an address that anyone can open')
      if (problem !== undefined || !/[?#]/.test(String(value))) return problem
      return optionProblem(field, 'an address with a query', 'leave it out')
    }),
  ),
  fileName: aFunction,
}

/**
 * Stores a video as a file in a directory that a web server serves. It is written to a hidden temporary file first,
 * flushed to the disk, and appears under its name only when it is complete. A broken source is resumed at the last
 * good byte. Nothing is ever overwritten: if the name is taken, the file becomes `name-2.mp4` and so on, up to 1000.
 * `id` of the result is the name. A failure or an abort leaves no file. Files of a killed process are removed a day
 * later, by the first upload of an uploader.
 *
 * `upload` rejects with `ConfigurationError` when the directory cannot be written to, `QuotaExceededError` when the
 * disk is full, `InvalidRequestError` when all numbers of a name are taken, and with the source's error when it
 * cannot be read.
 *
 * @throws ConfigurationError when an option cannot work, with every problem at once.
 *
 * @example
 * ```ts
 * import { directoryUploader } from 'sora-pipeline/strategies'
 *
 * const uploader = directoryUploader({ directory: './videos', publicBaseUrl: 'https://media.example/videos' })
 * console.log(uploader.name)
 * ```
 */
export function directoryUploader(options: DirectoryUploaderOptions): Uploader {
  checkOptions('directoryUploader', options, RULES)
  const { name = 'directory', label, directory, publicBaseUrl, fileName } = options
  const base = publicBaseUrl.replace(/\/+$/, '')
  let isTidy = false
  return {
    name,
    ...(label !== undefined && { label }),
    endpoints: [base],
    check: () => checkDirectory(directory),
    async upload(source, context) {
      const { signal } = context
      signal.throwIfAborted()
      const wanted = fileName?.(source, context)
      const temporary = join(directory, `.${randomUUID()}.part`)
      try {
        await mkdir(directory, { recursive: true })
        if (!isTidy) await removeLeftParts(directory, Date.now())
        isTidy = true
        const { byteLength, mediaType } = await writeVideo(temporary, source, context)
        const full = nameOf(wanted, context.runId, extensionOf(mediaType))
        signal.throwIfAborted()
        const id = await publish(directory, temporary, full)
        await removeIfAborted(join(directory, id), signal)
        return { url: `${base}/${encodeURIComponent(id)}`, id, byteLength }
      } catch (error) {
        throw signal.aborted ? signal.reason : directoryError(error, directory)
      } finally {
        // If it cannot be removed, it could not be created either, and that error is already thrown.
        await rm(temporary, { force: true }).catch(() => undefined)
      }
    },
  }
}

// What follows a dot in the id of a run, such as job.42, is not the type of a file.
function nameOf(wanted: string | undefined, runId: string, extension: string): string {
  const isComplete = wanted === undefined ? runId.endsWith(extension) : hasExtension(wanted)
  return safeFileName(`${wanted ?? runId}${isComplete ? '' : extension}`)
}

async function writeVideo(path: string, source: VideoSource, context: StageContext) {
  const progress = createByteProgress(context)
  const file = await open(path, 'wx')
  let byteLength = 0
  let seen: string | undefined
  let batch: Uint8Array[] = []
  let batchBytes = 0
  let writing: Promise<void> | undefined
  const write = async () => {
    // Waiting for the disk before the next batch slows the sender down.
    await writing
    writing = writeAll(file, batch)
    // Awaited before the next batch, or at the end.
    writing.catch(() => undefined)
    batch = []
    batchBytes = 0
  }
  try {
    for await (const chunk of readVideo(source, context)) {
      if (byteLength === 0) seen = mediaTypeOf(chunk)
      batch.push(chunk)
      batchBytes += chunk.byteLength
      byteLength += chunk.byteLength
      if (batchBytes >= BATCH_BYTES || batch.length >= BATCH_CHUNKS) await write()
      progress.update(byteLength, source.byteLength)
    }
    await write()
    await writing
    await file.sync()
  } finally {
    await writing?.catch(() => undefined)
    await file.close()
  }
  progress.finish(byteLength)
  return { byteLength, mediaType: source.mediaType ?? seen ?? 'video/mp4' }
}

// A directory that does not exist yet is created by the first upload.
async function checkDirectory(directory: string): Promise<void> {
  try {
    await access(directory, constants.W_OK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw directoryError(error, directory)
  }
}

async function writeAll(file: FileHandle, chunks: Uint8Array[]): Promise<void> {
  let left = chunks
  while (left.length > 0) {
    let { bytesWritten } = await file.writev(left)
    const next = left.findIndex((chunk) => {
      if (bytesWritten < chunk.byteLength) return true
      bytesWritten -= chunk.byteLength
      return false
    })
    left = next < 0 ? [] : left.slice(next).with(0, (left[next] as Uint8Array).subarray(bytesWritten))
  }
}

/** Gives the file its name. A link, unlike a rename, never replaces another file. */
async function publish(directory: string, temporary: string, wanted: string): Promise<string> {
  for (let number = 1; number <= MOST_NUMBERS; number += 1) {
    const name = number === 1 ? wanted : numberedName(wanted, number)
    try {
      await link(temporary, join(directory, name))
    } catch (error) {
      if (isTaken(error)) continue
      throw error
    }
    await syncDirectory(directory)
    return name
  }
  const fix = `choose another name: it is taken, and so are its numbers up to ${MOST_NUMBERS}`
  throw new InvalidRequestError([{ field: 'fileName', value: JSON.stringify(wanted), fix }])
}

async function syncDirectory(directory: string): Promise<void> {
  // Windows cannot open directories; there the name is safe without.
  if (process.platform === 'win32') return
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function removeIfAborted(path: string, signal: AbortSignal): Promise<void> {
  if (!signal.aborted) return
  await rm(path, { force: true })
  throw signal.reason
}

function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST'
}
