import type { TSInterfaceHeritage, TSSignature, TSType } from 'oxc-parser'
import { type DocComment, NO_DOC } from './doc-comment.ts'
import type { Declared, ParsedFile } from './parsed-source.ts'
import { lookup } from './public-names.ts'

/** A property or a method of an object type. */
export interface Member {
  readonly name: string
  /** Type of a property, or the signature of a method without its name, in one line, without `undefined` where it is optional. */
  readonly type: string
  readonly isOptional: boolean
  readonly isMethod: boolean
  readonly doc: DocComment
  /** Type of a property, to look into. */
  readonly typeNode?: TSType
  /** File that declares it. */
  readonly file: ParsedFile
}

/** The members of a declared object type, those that it inherits included; `undefined` when it is not an object type. */
export function membersOf({ node, file }: Declared): readonly Member[] | undefined {
  if (node.type === 'TSTypeAliasDeclaration') return membersOfType(node.typeAnnotation, file)
  if (node.type !== 'TSInterfaceDeclaration') return undefined
  const inherited = node.extends.flatMap((heritage) => membersOfHeritage(heritage, file))
  const own = node.body.body.flatMap((signature) => memberOf(signature, file))
  return [...inherited.filter(({ name }) => own.every((member) => member.name !== name)), ...own]
}

/** The members of an object type where it stands; `undefined` for any other type. */
function membersOfType(type: TSType, file: ParsedFile): readonly Member[] | undefined {
  switch (type.type) {
    case 'TSTypeLiteral':
      return type.members.flatMap((signature) => memberOf(signature, file))
    case 'TSIntersectionType': {
      const parts = type.types.map((part) => membersOfType(part, file))
      return parts.every((part) => part !== undefined) ? parts.flat() : undefined
    }
    case 'TSTypeReference':
      if (type.typeName.type !== 'Identifier') return undefined
      return membersOfReference(type.typeName.name, type.typeArguments?.params ?? [], file)
    case 'TSParenthesizedType':
      return membersOfType(type.typeAnnotation, file)
    default:
      return undefined
  }
}

function membersOfHeritage({ expression, typeArguments }: TSInterfaceHeritage, file: ParsedFile): readonly Member[] {
  if (expression.type !== 'Identifier') return []
  return membersOfReference(expression.name, typeArguments?.params ?? [], file) ?? []
}

function membersOfReference(name: string, args: readonly TSType[], file: ParsedFile): readonly Member[] | undefined {
  const declared = lookup(file, name)
  if (declared) return membersOf(declared)
  const [subject, keys] = args
  const members = subject && membersOfType(subject, file)
  const named = keys ? literalsOf(keys) : []
  if (name === 'Pick') return members?.filter((member) => named.includes(member.name))
  if (name === 'Omit') return members?.filter((member) => !named.includes(member.name))
  if (name === 'Partial') return members?.map((member) => ({ ...member, isOptional: true }))
  if (name === 'Required') return members?.map((member) => ({ ...member, isOptional: false }))
  return name === 'Readonly' ? members : undefined
}

function literalsOf(type: TSType): readonly string[] {
  if (type.type === 'TSUnionType') return type.types.flatMap(literalsOf)
  return type.type === 'TSLiteralType' && type.literal.type === 'Literal' ? [String(type.literal.value)] : []
}

function memberOf(signature: TSSignature, file: ParsedFile): readonly Member[] {
  if (signature.type !== 'TSPropertySignature' && signature.type !== 'TSMethodSignature') return []
  const { key, optional, start } = signature
  if (signature.computed || (key.type !== 'Identifier' && key.type !== 'Literal')) return []
  const name = key.type === 'Identifier' ? key.name : String(key.value)
  const common = { name, isOptional: optional, doc: file.docBefore(start) ?? NO_DOC, file }
  if (signature.type === 'TSMethodSignature') {
    const type = oneLine(file.text.slice(key.end, signature.end).replace(/^\?/, ''))
    return [{ ...common, type, isMethod: true }]
  }
  const typeNode = signature.typeAnnotation?.typeAnnotation
  const type = typeNode ? typeText(file.text.slice(typeNode.start, typeNode.end), optional) : 'unknown'
  return [{ ...common, type, isMethod: false, ...(typeNode && { typeNode }) }]
}

/** A type as a reader needs it: in one line, without `readonly`, and without `undefined` where the `?` shows it. */
export function typeText(text: string, isOptional = false): string {
  const line = oneLine(text).replaceAll(/\breadonly /g, '')
  return isOptional ? line.replace(/^\| /, '').replace(/ \| undefined$/, '') : line.replace(/^\| /, '')
}

/** A text in one line. */
export function oneLine(text: string): string {
  return text
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/\( | \)/g, (mark) => mark.trim())
    .replaceAll(/,\s*([)}\]])/g, '$1')
    .trim()
}
