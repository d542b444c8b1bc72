import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { ROOT } from './source-files.js'

/** A Markdown file that explains the project; the changelog is a record, not an explanation. */
export interface Document {
  /** From the folder of the repository, such as `src/http/README.md`. */
  readonly path: string
  readonly text: string
}

/** README.md and every document beside the code, the examples, the tests and the benchmarks. */
export function documents(): readonly Document[] {
  const below = ['src', 'examples'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.md'))
      .map((path) => posix.join(folder, path.replaceAll('\\', '/'))),
  )
  return ['README.md', ...below.sort(), 'test/README.md', 'bench/README.md'].map((path) => ({
    path,
    text: readFileSync(join(ROOT, path), 'utf8'),
  }))
}

/** Paths of the files in the tarball that is published, from the folder of the package. */
export function packedFiles(): ReadonlySet<string> {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const [{ files }] = JSON.parse(output) as [{ readonly files: readonly { readonly path: string }[] }]
  return new Set(files.map(({ path }) => path))
}

/** The text without code: what a reader sees as prose, tables and links. */
export function proseOf(text: string): string {
  return text.replaceAll(/^ *(```|~~~)[\s\S]*?^ *\1[^\n]*$/gm, '').replaceAll(/(`+)(?:(?!\1)[\s\S])+\1/g, '')
}

/** What the links of a document point to, such as `src/README.md#layers`, without addresses of other sites. */
export function linksOf(text: string): readonly string[] {
  const prose = proseOf(text)
  const patterns = [
    /\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g,
    /^ *\[[^\]]+\]:\s*<?([^\s>]+)>?/gm,
    /(?:href|src)="([^"]+)"/g,
  ]
  return patterns
    .flatMap((pattern) => [...prose.matchAll(pattern)].map(([, target = '']) => target))
    .filter((target) => !/^[a-z][a-z+.-]*:/i.test(target))
}

/** The code of the blocks of a document in one language, such as `ts`. */
export function codeBlocksOf(text: string, language: string): readonly string[] {
  const blocks = new RegExp(`^ *\`\`\`${language}\\b[^\\n]*\\n([\\s\\S]*?)^ *\`\`\``, 'gm')
  return [...text.matchAll(blocks)].map(([, code = '']) => code)
}

/** The anchors that the headings of a document have on GitHub and npm. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>()
  const withoutBlocks = text.replaceAll(/^ *(```|~~~)[\s\S]*?^ *\1[^\n]*$/gm, '')
  for (const [, heading = ''] of withoutBlocks.matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_\- ]/gu, '')
      .replaceAll(' ', '-')
    let anchor = slug
    for (let count = 1; anchors.has(anchor); count += 1) anchor = `${slug}-${count}`
    anchors.add(anchor)
  }
  return anchors
}

/** Where a link of a document leads: the file, from the folder of the repository, and the anchor in it. */
export function targetOf(path: string, link: string): { readonly file: string; readonly anchor?: string } {
  const [to = '', anchor] = link.split('#', 2)
  const file = to === '' ? path : posix.join(posix.dirname(path), decodeURIComponent(to))
  return anchor === undefined ? { file } : { file, anchor }
}
