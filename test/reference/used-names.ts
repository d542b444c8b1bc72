import type { ClassElement, Node } from 'oxc-parser'
import { membersOf } from './members.ts'
import type { Declared, ParsedFile } from './parsed-source.ts'
import { type EntryPoint, lookup } from './public-names.ts'

/** A declaration of `src` that an exported one names in its types, without being exported beside it. */
export interface HiddenName {
  readonly name: string
  readonly usedBy: string
  readonly path: string
}

/**
 * The names that a reader of an entry point meets in its declarations and cannot import from it. A declaration that the entry point
 * took over from the main one is left out: the main one has all that it names.
 */
export function hiddenNames(
  { names }: Pick<EntryPoint, 'names'>,
  main?: Pick<EntryPoint, 'names'>,
): readonly HiddenName[] {
  const exported = new Set(names.values())
  const ofMain = new Set(main?.names.values())
  return [...names]
    .filter(([, declared]) => !ofMain.has(declared))
    .flatMap(([usedBy, declared]) =>
      [...usedIn(declared)]
        .filter((used) => !exported.has(used))
        .map((used) => ({ name: used.name, usedBy, path: used.file.path })),
    )
}

/** The declarations of `src` that the types of a declaration name, those of inherited members included. */
function usedIn(declared: Declared): ReadonlySet<Declared> {
  const { node, name, file, overloads } = declared
  const found = new Set<Declared>()
  const roots: readonly unknown[] =
    node.type === 'VariableDeclaration'
      ? node.declarations.filter(({ id }) => id.type === 'Identifier' && id.name === name).map(({ id }) => id)
      : node.type === 'ClassDeclaration'
        ? [node.superClass, node.typeParameters, node.superTypeArguments, node.body.body.filter(isPublic)]
        : overloads.length > 0
          ? overloads
          : [node]
  for (const root of roots) collect(root, file, found)
  for (const member of membersOf(declared) ?? []) collect(member.typeNode, member.file, found)
  return found
}

/** The declarations of `src` that a part of a declaration names. */
export function namedIn(node: Node, file: ParsedFile): ReadonlySet<Declared> {
  const found = new Set<Declared>()
  collect(node, file, found)
  return found
}

// Bodies and values are not part of a declaration.
const NOT_DECLARED: ReadonlySet<string> = new Set([
  'BlockStatement',
  'FunctionBody',
  'StaticBlock',
  'ArrowFunctionExpression',
  'ObjectExpression',
])

function collect(node: unknown, file: ParsedFile, found: Set<Declared>): void {
  if (Array.isArray(node)) {
    for (const entry of node) collect(entry, file, found)
    return
  }
  if (typeof node !== 'object' || node === null) return
  const { type } = node as Node
  if (NOT_DECLARED.has(type)) return
  const name = nameIn(node as Node)
  const used = name === undefined ? undefined : lookup(file, name)
  if (used) found.add(used)
  // The default of a parameter is a value.
  const parts = type === 'AssignmentPattern' ? [(node as { readonly left: unknown }).left] : Object.values(node)
  for (const part of parts) collect(part, file, found)
}

// The name of a value, as in `typeof KINDS`, is of no use to a reader: the type that it makes has a name.
function nameIn(node: Node): string | undefined {
  if (node.type === 'TSTypeReference' && node.typeName.type === 'Identifier') return node.typeName.name
  if (node.type === 'TSInterfaceHeritage' && node.expression.type === 'Identifier') return node.expression.name
  return undefined
}

function isPublic(element: ClassElement): boolean {
  if (element.type === 'StaticBlock') return false
  if ('key' in element && element.key.type === 'PrivateIdentifier') return false
  return !('accessibility' in element) || element.accessibility !== 'private'
}
