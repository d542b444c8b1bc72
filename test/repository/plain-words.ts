import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { ROOT, type SourceFile } from './source-files.js'

/** Words that have a plain one in their place (reports, the caller, no one, lookup, fix, again), as whole words. */
export const FORBIDDEN_WORDS = /\b(?:told|tells|whoever|somebody|nobody|anybody|look-ups?|mend(?:s|ed|ing)?|anew)\b/gi

/** Every file that is written by hand and ships or explains the project: code, examples and documents. */
export function writtenFiles(): readonly SourceFile[] {
  const below = ['src', 'examples'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length).replaceAll('\\', '/'))
      .map((path) => path.replace(/^\//, '')),
  )
  return (
    ['README.md', 'test/README.md', 'bench/README.md', ...below]
      // The pages of src/reference are made from doc comments: their words are those of the source.
      .filter((path) => posix.dirname(path) !== 'src/reference')
      .map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }))
  )
}

/** The forbidden words of a file with their lines, such as `src/index.ts:3: told`. */
export function forbiddenWordsIn({ path, text }: SourceFile): readonly string[] {
  return text
    .split('\n')
    .flatMap((line, index) => [...line.matchAll(FORBIDDEN_WORDS)].map(([word]) => `${path}:${index + 1}: ${word}`))
}
