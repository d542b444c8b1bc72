import type { StageName } from '../contracts/stage.js'
import type { SoraPipelineOptions } from './options.js'
import type { Step } from './state/run-state.js'

/** The stages that are configured, in order. */
export function stagesOf({
  publisher,
  resolver,
  uploader,
}: Pick<SoraPipelineOptions, 'publisher' | 'resolver' | 'uploader'>): StageName[] {
  return [
    'generate',
    ...(publisher ? ['publish' as const] : []),
    ...(resolver ? ['resolve' as const] : []),
    ...(uploader ? ['upload' as const] : []),
  ]
}

/** The stage with an effect that a step of a run leads to: a stage that is not configured is skipped without a save. */
export function stageOfStep(
  step: Exclude<Step, 'generate'>,
  { publisher, resolver }: Pick<SoraPipelineOptions, 'publisher' | 'resolver'>,
): Exclude<StageName, 'generate'> {
  if (step === 'publish' && publisher === undefined) return resolver === undefined ? 'upload' : 'resolve'
  if (step === 'resolve' && resolver === undefined) return 'upload'
  return step === 'unpublish' || step === 'finish' ? 'upload' : step
}
