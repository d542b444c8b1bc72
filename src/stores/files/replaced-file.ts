import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { codeOfFailure } from '../state-failure.js'
import { temporaryPath } from './exclusive-file.js'

/**
 * Writes or replaces a file: a reader finds the old text or the new one, never a part. It is not flushed: after a power cut it
 * may be missing, old or empty, so use it only for data whose loss costs nothing but time. Rejects when the directory is missing.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = temporaryPath(path)
  try {
    await writeFile(temporary, text, { mode: 0o600, flag: 'wx' })
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined) // The first error is the one to report.
    throw error
  }
}

/** Like {@link replaceFile}, but creates the directory if it is missing. */
export async function replaceFileIn(path: string, text: string): Promise<void> {
  try {
    await replaceFile(path, text)
  } catch (error) {
    if (codeOfFailure(error) !== 'ENOENT') throw error
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await replaceFile(path, text)
  }
}

/** The text of a file; `undefined` if it is missing. */
export async function readIfPresent(path: string): Promise<string | undefined> {
  return unlessMissing(() => readFile(path, 'utf8'))
}

/** The JSON object in a file; `undefined` when the file is missing or does not hold one, as after a power cut. */
export async function readObject(path: string): Promise<object | undefined> {
  const text = await readIfPresent(path)
  try {
    const read: unknown = JSON.parse(text ?? 'null')
    return typeof read === 'object' && read !== null ? read : undefined
  } catch {
    // Only files whose loss costs nothing but time are read here: a broken file counts as missing.
    return undefined
  }
}

/** The result of a system call; `undefined` if the file or a directory of its path is missing. */
export async function unlessMissing<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call()
  } catch (error) {
    const code = codeOfFailure(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw error
  }
}
