import type { ParamPattern, Span } from 'oxc-parser'
import { oneLine, typeText } from './members.ts'
import type { Declared, ParsedFile } from './parsed-source.ts'
import { lookup } from './public-names.ts'
import { namedIn } from './used-names.ts'

/** A parameter of a function or of a constructor. */
export interface Parameter {
  readonly name: string
  /** Declarations of `src` that its type names. */
  readonly types: readonly Declared[]
}

/** A function, a constant or a type as it is declared, without body; a line for each overload. */
export function signatureOf({ node, name, file, overloads }: Declared): string {
  const text = ({ start, end }: Span) => file.text.slice(start, end)
  if (overloads.length > 0) return overloads.map((overload) => oneLine(text(overload))).join('\n')
  if (node.type === 'FunctionDeclaration') {
    const head = file.text.slice(node.id?.start ?? node.start, node.body?.start ?? node.end)
    return `function ${withoutDefaults(oneLine(head))}`
  }
  if (node.type === 'VariableDeclaration') {
    const found = node.declarations.find(({ id }) => id.type === 'Identifier' && id.name === name)
    const type = found?.id.typeAnnotation
    const value = found?.init && found.init.end - found.init.start < 60 ? ` = ${text(found.init)}` : ''
    return `const ${name}${type ? oneLine(text(type)) : value}`
  }
  if (node.type === 'TSTypeAliasDeclaration') {
    return `type ${name}${node.typeParameters ? text(node.typeParameters) : ''} = ${aliased(text(node.typeAnnotation), file)}`
  }
  return oneLine(text(node))
}

/** The parameters of a function, or of the constructor of a class. */
export function parametersOf({ node, file, overloads }: Declared): readonly Parameter[] {
  const functions = [node, ...overloads]
  const patterns =
    node.type === 'FunctionDeclaration'
      ? functions.flatMap((each) => ('params' in each ? each.params : []))
      : node.type === 'ClassDeclaration'
        ? node.body.body.flatMap((element) =>
            element.type === 'MethodDefinition' && element.kind !== 'set' ? element.value.params : [],
          )
        : []
  return patterns.map((pattern) => ({ name: parameterName(pattern), types: [...namedIn(pattern, file)] }))
}

function parameterName(pattern: ParamPattern): string {
  if (pattern.type === 'Identifier') return pattern.name
  if (pattern.type === 'AssignmentPattern') return parameterName(pattern.left as ParamPattern)
  return pattern.type === 'ObjectPattern' ? 'options' : 'rest'
}

// `options: Options = {}` is optional, and a pattern of names is an implementation's own.
function withoutDefaults(head: string): string {
  return head
    .replaceAll(/\bgiven: (?=\w+Options\b)/g, 'options: ')
    .replaceAll(/(\w+): ([\w<>[\], ']+) = [^,)]+/g, '$1?: $2')
    .replaceAll(/\{[^{}]*\}: (\w+) = \{\}/g, 'options?: $1')
    .replaceAll(/\{[^{}]*\}: (\w+Options)/g, 'options: $1')
    .replaceAll(
      /\{[^{}]*\}: (\w)(\w+)/g,
      (_, first: string, rest: string) => `${first.toLowerCase()}${rest}: ${first}${rest}`,
    )
    .replaceAll(/\breadonly (?=\w+\[\])/g, '')
}

// `(typeof KINDS)[number]` means nothing to a reader; the words of the list do.
function aliased(text: string, file: ParsedFile): string {
  const [, list] = /^\(typeof (\w+)\)\[number\]$/.exec(text) ?? []
  const node = list === undefined ? undefined : lookup(file, list)?.node
  if (node?.type !== 'VariableDeclaration') return text.includes('\n') ? unindented(text) : typeText(text)
  const found = node.declarations.find(({ id }) => id.type === 'Identifier' && id.name === list)
  const words = file.text.slice(found?.init?.start, found?.init?.end).match(/'[^']+'/g) ?? []
  return words.map((word) => `\n  | ${word}`).join('')
}

function unindented(text: string): string {
  return text.replaceAll(/\breadonly /g, '').replaceAll(/\n {2}/g, '\n  ')
}
