import type { ClassElement, MethodDefinition } from 'oxc-parser'
import { oneLine } from '../members.ts'
import type { ParsedFile } from '../parsed-source.ts'
import type { Place } from '../places.ts'
import { codeBlock, factsOf, joined, prose } from './markdown.ts'

/** A class with its constructor and its methods. */
export function classSection(place: Place, resolve: (name: string) => string): string {
  const { doc, file } = place.declared
  const methods = methodsOf(place).map((method) => {
    const own = file.docBefore(method.start)
    return joined(
      `### ${headingOf(method, place)}`,
      prose(own.text, resolve),
      codeBlock(signatureOf(method, place)),
      factsOf(own, resolve),
    )
  })
  return joined(`## ${place.name}`, prose(doc.text, resolve), ...methods)
}

/** The headings of the methods of a class, in order. */
export function methodHeadings(place: Place): readonly string[] {
  return methodsOf(place).map((method) => headingOf(method, place))
}

function methodsOf({ declared: { node } }: Place): readonly MethodDefinition[] {
  return node.type === 'ClassDeclaration' ? node.body.body.filter(isPublicMethod) : []
}

function headingOf(method: MethodDefinition, { name, declared }: Place): string {
  return method.kind === 'constructor' ? `new ${name}` : `pipeline.${nameOf(method, declared.file)}`
}

function isPublicMethod(element: ClassElement): element is MethodDefinition {
  return (
    element.type === 'MethodDefinition' &&
    element.key.type !== 'PrivateIdentifier' &&
    element.accessibility !== 'private' &&
    element.accessibility !== 'protected'
  )
}

function nameOf({ key, computed }: MethodDefinition, file: ParsedFile): string {
  const text = file.text.slice(key.start, key.end)
  return computed ? `[${text}]` : text
}

function parametersText({ value: { params } }: MethodDefinition, file: ParsedFile): string {
  return params.map(({ start, end }) => optional(oneLine(file.text.slice(start, end)))).join(', ')
}

function signatureOf(method: MethodDefinition, { name, declared: { file } }: Place): string {
  if (method.kind === 'constructor') return `new ${name}(${parametersText(method, file)})`
  const { returnType } = method.value
  const result = returnType ? oneLine(file.text.slice(returnType.start, returnType.end)) : ''
  return `${nameOf(method, file)}(${parametersText(method, file)})${result.replaceAll('readonly ', '')}`
}

function optional(parameter: string): string {
  return parameter.replace(/^(\w+): (.+?) = .+$/, '$1?: $2').replace(/^(\w+) = (\d+)$/, '$1?: number')
}
