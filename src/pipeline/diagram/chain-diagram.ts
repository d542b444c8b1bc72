import { compositionOf } from '../../calling/call-strategy.js'
import type { Strategy } from '../../calling/stage-calls.js'
import type { StageName } from '../../contracts/stage.js'
import type { SoraPipelineOptions } from '../options.js'
import { label } from './mermaid-text.js'

/** The lines of a strategy, and the nodes with which it starts and ends. */
interface Drawn {
  readonly lines: readonly string[]
  readonly first: string
  readonly last: string
}

/** The configured chain of a pipeline: its stages in order, and the strategies of each. */
export function chainDiagram(options: SoraPipelineOptions): string {
  const { generator, publisher, resolver, uploader } = options
  const given: readonly (readonly [StageName, Strategy | undefined])[] = [
    ['generate', generator],
    ['publish', publisher],
    ['resolve', resolver],
    ['upload', uploader],
  ]
  const stages = given.flatMap(([stage, strategy]) => (strategy === undefined ? [] : [[stage, strategy] as const]))
  const lines = ['flowchart LR', '  prompt([prompt])', '  url([URL])']
  for (const [stage, strategy] of stages) {
    lines.push(`  subgraph ${stage}`, ...drawn(strategy, `${stage}_1`).lines.map((line) => `    ${line}`), '  end')
  }
  const names = stages.map(([stage]) => stage)
  const path = ['prompt', ...names, 'url']
  for (const [index, from] of path.slice(0, -1).entries()) lines.push(`  ${from} --> ${path[index + 1]}`)
  // The URL of each earlier stage is a fallback for those after it.
  for (const from of names.slice(0, -1)) {
    if (from !== 'publish') lines.push(`  ${from} -. if later stages fail .-> url`)
  }
  return `${lines.join('\n')}\n`
}

function drawn(strategy: Strategy, id: string): Drawn {
  const { kind, parts } = compositionOf(strategy) ?? { kind: 'decorator', parts: [] }
  const [only, ...others] = parts
  if (only === undefined) {
    const { name, label: shown } = strategy
    return {
      lines: [`${id}[${shown === undefined || shown === name ? label(name) : label(shown, name)}]`],
      first: id,
      last: id,
    }
  }
  if (others.length === 0) return drawn(only, id)
  const inner = parts.map((part, index) => drawn(part, `${id}_${index + 1}`))
  const lines = inner.flatMap((each) => each.lines)
  if (kind === 'fallback') {
    const edges = inner.slice(1).map((each, index) => `${inner[index]?.last} -- fails --> ${each.first}`)
    return { lines: [...lines, ...edges], first: inner[0]?.first ?? id, last: inner.at(-1)?.last ?? id }
  }
  return {
    lines: [`subgraph ${id}[${label(kind)}]`, ...lines.map((line) => `  ${line}`), 'end'],
    first: id,
    last: id,
  }
}
