import { join, resolve } from 'node:path'
import { fileNameOf } from './file-name-of.js'

/** Where a file store keeps what. */
export interface FilePlaces {
  /** The directory of the store, absolute. */
  readonly root: string
  /** A folder for each run, with its versions. */
  readonly runs: string
  /** Empty files with the names of the folders of runs that completed or failed. */
  readonly ended: string
  /** Folders of forgotten runs on their way out. */
  readonly removed: string
  readonly claims: string
  /** Which forgotten runs leave claims, and since when. */
  readonly released: string
  /** The last beat of each worker. */
  readonly workers: string
  /** What each worker reported of its runs. */
  readonly progress: string
  /** Bytes by their SHA-256. */
  readonly media: string
  /** A folder for each SHA-256, with one file a reference. */
  readonly references: string
}

/** The places of a store. */
export function filePlaces(directory: string): FilePlaces {
  const root = resolve(directory)
  const place = (name: string) => join(root, name)
  return {
    root,
    runs: place('runs'),
    ended: place('ended'),
    removed: place('removed'),
    claims: place('claims'),
    released: place('released'),
    workers: place('workers'),
    progress: place('progress'),
    media: place('media'),
    references: place('references'),
  }
}

/** The folder of a run. */
export function runFolder({ runs }: FilePlaces, id: string): string {
  return join(runs, fileNameOf(id))
}
