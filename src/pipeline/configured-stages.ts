import type { StageName } from '../contracts/stage.js'
import type { SoraPipelineOptions } from './options.js'

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
