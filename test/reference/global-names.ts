import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { type Directive, parseSync, type Statement } from 'oxc-parser'

const require = createRequire(import.meta.url)

/** Every name that code sees without an import: of the language, of the DOM and its workers, and of Node. */
export function globalNames(): ReadonlySet<string> {
  const names = new Set(Object.getOwnPropertyNames(globalThis))
  for (const text of libraryTexts()) for (const name of scriptNames(text)) names.add(name)
  for (const text of nodeTexts()) for (const name of augmentedNames(text)) names.add(name)
  return names
}

// TypeScript 7 is a binary in its own package, with its libraries beside it.
function libraryTexts(): readonly string[] {
  const compiler = require.resolve('typescript/package.json')
  const { version } = require(compiler) as { readonly version: string }
  const binary = `@typescript/typescript-${process.platform}-${process.arch}`
  const folder = join(dirname(createRequire(compiler).resolve(`${binary}/package.json`)), 'lib')
  const files = readdirSync(folder).filter((name) => /^lib\.(?:es|dom|webworker).*\.d\.ts$/.test(name))
  if (files.length < 50) throw new Error(`Could not find the libraries of TypeScript ${version}: ${files.length} files`)
  return files.map((name) => readFileSync(join(folder, name), 'utf8'))
}

function nodeTexts(): readonly string[] {
  const folder = dirname(require.resolve('@types/node/package.json'))
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.d.ts'))
    .map((path) => readFileSync(join(folder, path), 'utf8'))
}

/** Names that a script declares; a file that imports or exports is a module, and declares none. */
function scriptNames(text: string): readonly string[] {
  const { body } = parseSync('lib.d.ts', text).program
  return body.some(({ type }) => /^(?:Import|Export)/.test(type)) ? [] : namesIn(body)
}

/** Names in the `declare global` blocks of a file, and those of a script. */
function augmentedNames(text: string): readonly string[] {
  const { body } = parseSync('node.d.ts', text).program
  const inner = body.flatMap((node) => (node.type === 'TSModuleDeclaration' && node.body ? bodyOf(node.body) : []))
  return [...scriptNames(text), ...[...body, ...inner].flatMap(globalBlock).flatMap((node) => namesIn([node]))]
}

function globalBlock(node: Directive | Statement): readonly (Directive | Statement)[] {
  return node.type === 'TSModuleDeclaration' && node.kind === 'global' ? bodyOf(node.body) : []
}

function bodyOf(block: object): readonly (Directive | Statement)[] {
  return 'body' in block && Array.isArray(block.body) ? block.body : []
}

function namesIn(nodes: readonly (Directive | Statement)[]): readonly string[] {
  return nodes.flatMap((node) => {
    if (node.type === 'VariableDeclaration') {
      return node.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? [id.name] : []))
    }
    return 'id' in node && node.id?.type === 'Identifier' ? [node.id.name] : []
  })
}
