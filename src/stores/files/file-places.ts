import { join, resolve } from 'node:path'
import { fileNameOf } from './file-name-of.js'

/** Paths of a file store. */
export interface FilePlaces {
  /** The directory of the store, absolute. */
  readonly root: string
  /** One folder for each run, with its versions. */
  readonly runs: string
  /** Empty files with the names of the folders of runs that completed or failed. */
  readonly ended: string
  /** Folders of forgotten runs during their removal. */
  readonly removed: string
  readonly claims: string
  /** Notes of forgotten runs with claims, and their time. */
  readonly released: string
  /** The last beat of each worker. */
  readonly workers: string
  /** The last progress reports of each worker. */
  readonly progress: string
  /** Bytes by their SHA-256. */
  readonly media: string
  /** One folder for each SHA-256, with one file for each reference. */
  readonly references: string
  /** One folder for each namespace of notes, with one for each note. */
  readonly notes: string
}

/** The paths of a store. */
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
    notes: place('notes'),
  }
}

/** The folder of a run. */
export function runFolder({ runs }: FilePlaces, id: string): string {
  return join(runs, fileNameOf(id))
}
