import type { VideoRequest } from '../../contracts/request.js'
import type { StageContext } from '../../contracts/stage.js'

/** A field that asks something of a video. */
export type RequestField = Exclude<keyof VideoRequest, 'providerOptions' | 'metadata' | 'prompt'>

/**
 * Warns that a generator does not send a field of the request, where the video is made without it.
 * @param lacking - What lacks the field, such as `the dialect "openai"`.
 */
export function warnUnsupported(context: StageContext, name: string, field: RequestField, lacking: string): void {
  context.warn?.({
    code: 'unsupported-option',
    message: `${name} does not send ${field}: ${lacking} has no such field`,
  })
}
