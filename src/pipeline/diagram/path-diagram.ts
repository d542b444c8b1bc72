import type { SoraPipelineErrorJson } from '../../contracts/errors.js'
import type { Attempt, PipelineResult, PipelineResultJson } from '../../contracts/result.js'
import type { RunRecord } from '../run-record.js'
import { durationText, label } from './mermaid-text.js'

interface Step {
  readonly lines: readonly string[]
  readonly kind: 'succeeded' | 'failed' | 'open'
}

const STYLES = [
  'classDef succeeded stroke:#2a7,stroke-width:2px',
  'classDef failed stroke:#c33,stroke-width:2px,stroke-dasharray:4 3',
  'classDef open stroke:#888,stroke-width:2px',
]

/** The way that a completed run took: each attempt in order, and the source of its URL. */
export function resultDiagram(result: PipelineResult | PipelineResultJson): string {
  const { runId, attempts, servedBy, isDegraded, durationMs } = result
  const end = isDegraded ? `URL of the ${servedBy}, degraded` : `URL of the ${servedBy}`
  return path(runId, [
    ...attempts.map(attemptStep),
    { lines: [end, durationText(durationMs)], kind: isDegraded ? 'failed' : 'succeeded' },
  ])
}

/** The way that a run took, as far as its record has it. */
export function recordDiagram(record: RunRecord): string {
  const { id, status, stage, progress, result, error } = record
  if (result) return resultDiagram(result)
  const ratio = progress?.ratio === undefined ? [] : [`${Math.round(progress.ratio * 100)} %`]
  const phase = progress?.phase === undefined ? [] : [progress.phase]
  const steps: Step[] = stage === undefined ? [] : [{ lines: [stage, ...phase, ...ratio], kind: 'open' }]
  steps.push(...errorSteps(error))
  steps.push({ lines: [status], kind: status === 'failed' ? 'failed' : 'open' })
  return path(id, steps)
}

function attemptStep({ stage, strategy, outcome, errorCode, durationMs }: Attempt): Step {
  const reason = errorCode === undefined ? outcome : `${outcome}, ${errorCode}`
  return { lines: [`${stage}, ${strategy}`, reason, durationText(durationMs)], kind: outcome }
}

// The error of a chain has one for each strategy.
function errorSteps(error: SoraPipelineErrorJson | undefined): readonly Step[] {
  if (error === undefined) return []
  return (error.errors ?? [error]).map(({ stage, strategy, code }) => ({
    lines: [[stage, strategy].filter((part) => part !== undefined).join(', ') || 'run', code],
    kind: 'failed',
  }))
}

function path(runId: string, steps: readonly Step[]): string {
  const lines = ['flowchart LR', `  run([${label(runId)}])`]
  let from = 'run'
  for (const [index, { lines: texts, kind }] of steps.entries()) {
    const id = `step_${index + 1}`
    lines.push(`  ${id}[${label(...texts)}]`, `  ${from} --> ${id}`, `  class ${id} ${kind}`)
    from = id
  }
  return `${[...lines, ...STYLES.map((style) => `  ${style}`)].join('\n')}\n`
}
