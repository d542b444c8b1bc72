import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Comment, type Declaration as DeclarationNode, parseSync } from 'oxc-parser'
import { ROOT, resolveImport } from '../repository/source-files.ts'
import { type DocComment, NO_DOC, readDoc } from './doc-comment.ts'

/** A declaration at the top of a file. */
export interface Declared {
  readonly name: string
  readonly file: ParsedFile
  readonly node: DeclarationNode
  readonly doc: DocComment
  readonly isExported: boolean
  /** The overloads of a function: what its callers see in place of the declaration with the body. */
  readonly overloads: readonly DeclarationNode[]
}

/** A file of `src`, parsed. */
export interface ParsedFile {
  /** From `src`, such as `timing/retry.ts`. */
  readonly path: string
  readonly text: string
  readonly declared: ReadonlyMap<string, Declared>
  /** What each imported name is: a name of another file of `src`, or of a package (`path` is absent then). */
  readonly imports: ReadonlyMap<string, Origin>
  /** What the file exports from elsewhere, by exported name. */
  readonly reexports: ReadonlyMap<string, Origin>
  docBefore(start: number): DocComment
}

/** Where a name comes from. */
export interface Origin {
  readonly path?: string
  readonly name: string
}

const parsed = new Map<string, ParsedFile>()

/** Parses a file of `src`, once. */
export function fileOf(path: string): ParsedFile {
  const known = parsed.get(path)
  if (known) return known
  const file = parseFile(path, readFileSync(join(ROOT, 'src', path), 'utf8'))
  parsed.set(path, file)
  return file
}

/** Parses a text as a file of that path. */
export function parseFile(path: string, text: string): ParsedFile {
  const { program, comments, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`Could not parse ${path}: ${errors[0]?.message}`)
  const declared = new Map<string, Declared>()
  const imports = new Map<string, Origin>()
  const reexports = new Map<string, Origin>()
  const docBefore = (start: number) => docAt(text, comments, start)
  const file: ParsedFile = { path, text, declared, imports, reexports, docBefore }
  const declare = (node: DeclarationNode, start: number, isExported: boolean) => {
    for (const name of namesOf(node)) {
      const before = declared.get(name)
      const doc = before ? before.doc : docBefore(start)
      const earlier = before ? [...before.overloads, ...(before.overloads.length === 0 ? [before.node] : [])] : []
      const overloads = before && node.type === 'TSDeclareFunction' ? [...earlier, node] : earlier
      declared.set(name, { name, file, node, doc, isExported, overloads })
    }
  }
  for (const node of program.body) {
    if (node.type === 'ImportDeclaration') {
      for (const specifier of node.specifiers) {
        const name = specifier.type === 'ImportSpecifier' ? textOfName(specifier.imported) : '*'
        imports.set(specifier.local.name, originOf(path, node.source.value, name))
      }
    } else if (node.type === 'ExportNamedDeclaration') {
      if (node.declaration) declare(node.declaration, node.start, true)
      for (const { local, exported } of node.specifiers) {
        if (node.source) reexports.set(textOfName(exported), originOf(path, node.source.value, textOfName(local)))
      }
    } else if (isDeclaration(node)) declare(node, node.start, false)
  }
  return file
}

const DECLARATIONS: ReadonlySet<string> = new Set([
  'VariableDeclaration',
  'FunctionDeclaration',
  'ClassDeclaration',
  'TSInterfaceDeclaration',
  'TSTypeAliasDeclaration',
  'TSDeclareFunction',
])

function isDeclaration(node: { readonly type: string }): node is DeclarationNode {
  return DECLARATIONS.has(node.type)
}

function namesOf(node: DeclarationNode): readonly string[] {
  if (node.type === 'VariableDeclaration') {
    return node.declarations.flatMap(({ id }) => (id.type === 'Identifier' ? [id.name] : []))
  }
  return 'id' in node && node.id?.type === 'Identifier' ? [node.id.name] : []
}

function textOfName(
  name: { readonly type: string } & ({ readonly name: string } | { readonly value: string }),
): string {
  return 'name' in name ? name.name : name.value
}

function originOf(path: string, specifier: string, name: string): Origin {
  const target = resolveImport(path, specifier)
  return target === undefined ? { name } : { path: target, name }
}

// The comment has to end right before the declaration, or before the bar of a member of a union; comments of the code may stand
// between.
function docAt(text: string, comments: readonly Comment[], start: number): DocComment {
  const last = comments.findLast(({ end, type }) => end <= start && type === 'Block')
  if (!last?.value.startsWith('*')) return NO_DOC
  const between = text.slice(last.end, start).replaceAll(/^\s*\/\/.*$/gm, '')
  return /^\s*\|?\s*$/.test(between) ? readDoc(last.value) : NO_DOC
}
