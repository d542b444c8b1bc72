import { type ArrayExpression, type Node, parseSync, Visitor } from 'oxc-parser'

/** A title of a test or of a group of tests, or a text in a table of cases, which is put into titles. */
export interface TestTitle {
  readonly line: number
  readonly text: string
}

const RUNNERS: ReadonlySet<string> = new Set(['test', 'it', 'describe'])

/** The titles that a file gives to `test`, `it` and `describe`, and the first text of each row of their tables. */
export function titlesOf(path: string, text: string): readonly TestTitle[] {
  const { program, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`Could not parse ${path}: ${errors[0]?.message}`)
  const titles: TestTitle[] = []
  new Visitor({
    CallExpression({ callee, arguments: [first] }) {
      if (first === undefined || !RUNNERS.has(runnerOf(callee))) return
      const table = first.type === 'TSAsExpression' ? first.expression : first
      const nodes = table.type === 'ArrayExpression' ? labelsOf(table) : [first]
      for (const node of nodes) {
        const title = titleIn(node)
        if (title !== undefined) titles.push({ line: text.slice(0, node.start).split('\n').length, text: title })
      }
    },
  }).visit(program)
  return titles
}

/** The name that a call such as `test.each(rows)(title)` begins with; empty where it begins with something else. */
function runnerOf(callee: Node): string {
  if (callee.type === 'Identifier') return callee.name
  if (callee.type === 'MemberExpression') return runnerOf(callee.object)
  return callee.type === 'CallExpression' ? runnerOf(callee.callee) : ''
}

function labelsOf({ elements }: ArrayExpression): readonly Node[] {
  return elements.flatMap((row) => {
    const label = row?.type === 'ArrayExpression' ? row.elements[0] : row
    return label ? [label] : []
  })
}

/** The fixed text of a title; `undefined` where the title is computed. */
function titleIn(node: Node): string | undefined {
  if (node.type === 'Literal') return typeof node.value === 'string' ? node.value : undefined
  if (node.type === 'TemplateLiteral') return node.quasis.map(({ value }) => value.raw).join(' ')
  return undefined
}
