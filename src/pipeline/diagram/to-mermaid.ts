import { optionProblem } from '../../contracts/check-options.js'
import { ConfigurationError } from '../../contracts/input-errors.js'
import type { PipelineResult, PipelineResultJson } from '../../contracts/result.js'
import { coreOfPipeline } from '../pipeline-cores.js'
import type { RunRecord } from '../run-record.js'
import type { SoraPipeline } from '../sora-pipeline.js'
import { chainDiagram } from './chain-diagram.js'
import { recordDiagram, resultDiagram } from './path-diagram.js'

/**
 * Draws a flowchart in the language of mermaid, which GitHub and many editors render. Texts are escaped and cut to 80 characters
 * a line; there is no URL, prompt or secret in it.
 *
 * @param subject - A pipeline: its configured chain, stage by stage. The result of a run: the way that it took, each attempt with
 * its outcome and duration, and the source of the URL. The record of a run (`pipeline.get`): the same if it has completed,
 * otherwise its stage and progress, or its errors.
 * @throws ConfigurationError when the subject is none of these.
 *
 * @example
 * ```ts
 * import { SoraPipeline, toMermaid } from 'sora-pipeline'
 *
 * const pipeline = new SoraPipeline({
 *   generator: { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) },
 * })
 * console.log(toMermaid(pipeline)) // flowchart LR …
 * console.log(toMermaid(await pipeline.generate({ prompt: 'A cat playing piano' })))
 * ```
 */
export function toMermaid(subject: SoraPipeline | PipelineResult | PipelineResultJson | RunRecord): string {
  const core = coreOfPipeline(subject)
  if (core) return chainDiagram(core)
  if (isResult(subject)) return resultDiagram(subject)
  if (isRecord(subject)) return recordDiagram(subject)
  throw new ConfigurationError('toMermaid', [
    optionProblem('subject', subject, 'give a SoraPipeline, the result of a run, or a record of pipeline.get()'),
  ])
}

function isResult(subject: unknown): subject is PipelineResult {
  const { runId, attempts } = Object(subject)
  return typeof runId === 'string' && Array.isArray(attempts)
}

function isRecord(subject: unknown): subject is RunRecord {
  const { id, status } = Object(subject)
  return typeof id === 'string' && typeof status === 'string'
}
