import { describeValue } from '../../../contracts/errors.js'
import { type InputProblem, InvalidRequestError } from '../../../contracts/input-errors.js'
import type { JsonObject } from '../../../contracts/json.js'
import type { MediaInput, StoryboardShot, VideoRequest } from '../../../contracts/request.js'
import type { StageContext } from '../../../contracts/stage.js'
import { dataUrlOf, readMediaFile } from '../media-file.js'
import { mergedFields } from '../merged-fields.js'
import type { CheckedChatCompletionsOptions } from './chat-completions-options.js'
import { frameProblem, lengthProblem, ratioProblem } from './chat-model-name.js'

type Defaults = Pick<CheckedChatCompletionsOptions, 'name' | 'model' | 'imageUrls'>
type Field = Exclude<keyof VideoRequest, 'providerOptions' | 'metadata' | 'prompt'>

// This family has no field for them.
const CHANGES_RESULT: readonly Field[] = ['lastFrame', 'audioInput']
const CHANGES_LITTLE: readonly Field[] = ['seed', 'audio', 'user']
// A server of this family reads the first of these that it finds and silently ignores the rest.
const BEGINNINGS: readonly Field[] = ['image', 'video', 'remixOf']
const POST_ID = /\bs_[a-f0-9]{32}\b/
const KNOWN_STYLES = 'festive kakalaka news selfie handheld golden anime retro nostalgic comic'.split(' ')

/**
 * The body of a request to `/chat/completions`: one user message whose text has the style in front, as `{anime}`, the
 * post to remix at its end, and the shots of a storyboard as `[5.0s]` markers; image, references and video are separate
 * parts, in this order.
 *
 * @throws InvalidRequestError naming every field that would change the result and that the server would not honour.
 * Fields with little effect give a warning. A field counts as honoured when `providerOptions` has a key of that name.
 */
export function chatCompletionsBody(request: VideoRequest, defaults: Defaults, context: StageContext): JsonObject {
  const overrides = request.providerOptions ?? {}
  const isLeft = (field: Field) => request[field] !== undefined && !Object.hasOwn(overrides, field)
  const warn = (field: Field, why: string) =>
    context.warn?.({ code: 'unsupported-option', message: `${defaults.name} does not send ${field}: ${why}` })
  const problems: InputProblem[] = []
  const refuse = (field: Field, fix: string | undefined) => {
    if (fix !== undefined) problems.push({ field, value: shown(request[field]), fix })
  }

  const model = request.model ?? defaults.model
  if (isLeft('durationSeconds')) refuse('durationSeconds', lengthProblem(model, request.durationSeconds))
  if (isLeft('aspectRatio')) refuse('aspectRatio', ratioProblem(model, request.aspectRatio))
  if (isLeft('size')) refuse('size', frameProblem(model, request.size))
  const given = BEGINNINGS.filter((field) => request[field] !== undefined)
  for (const field of given.slice(1)) refuse(field, `leave it out: ${given[0]} is given, and only one of them is read`)
  if (isLeft('remixOf')) {
    if (!POST_ID.test(request.remixOf ?? '')) refuse('remixOf', 'give the id of a post, s_ and 32 hexadecimal digits')
    if (isLeft('storyboard')) refuse('storyboard', 'leave it out: a remix has one prompt')
  }
  if (overrides.videoInput !== undefined) {
    const fix = 'leave it out: this request has one way to send a video'
    problems.push({ field: 'providerOptions.videoInput', value: describeValue(overrides.videoInput), fix })
  }
  for (const field of CHANGES_RESULT) {
    if (isLeft(field))
      refuse(field, `leave it out: the chat of ${defaults.name} has no such field; or give it in providerOptions`)
  }
  if (isLeft('style') && !/^\w+$/.test(request.style ?? '')) refuse('style', 'give one word, such as anime')
  const images = { image: [request.image], references: request.references ?? [] }
  for (const field of ['image', 'references'] as const) {
    if (!isLeft(field) || defaults.imageUrls !== 'refuse' || !images[field].some(isAddress)) continue
    refuse(field, 'give its bytes or a data URL, or set imageUrls to send for an upstream that reads addresses')
  }
  if (problems.length > 0) throw new InvalidRequestError(problems)

  for (const field of CHANGES_LITTLE) if (isLeft(field)) warn(field, 'a chat has no such field')
  if (isLeft('size')) warn('size', `${model} says the orientation, and the upstream chooses the pixels`)
  if (isLeft('style') && !KNOWN_STYLES.includes(String(request.style).toLowerCase())) {
    const message = `${defaults.name} may read style as plain text: only ${KNOWN_STYLES.join(', ')} are known`
    context.warn?.({ code: 'unsupported-option', message })
  }
  if (isLeft('references')) {
    const read = request.image === undefined ? 'the first of references, as the first frame' : 'image'
    const message = `${defaults.name} may read only ${read}: references are sent as images of the message`
    context.warn?.({ code: 'unsupported-option', message })
  }
  const text = textOf(request, isLeft)
  const media = (['image', 'references', 'video'] as const)
    .filter(isLeft)
    .flatMap((field) => mediaParts(request, field))
  const content = media.length === 0 ? text : [{ type: 'text', text }, ...media]
  return mergedFields({ model, messages: [{ role: 'user', content }], stream: true }, overrides)
}

function textOf({ prompt, style, remixOf, storyboard = [] }: VideoRequest, isLeft: (field: Field) => boolean): string {
  const head = isLeft('style') ? `{${style}} ` : ''
  const tail = isLeft('remixOf') ? ` ${remixOf}` : ''
  const shots = isLeft('storyboard') ? storyboard.map((shot) => `\n${shotLine(shot)}`).join('') : ''
  return `${head}${prompt}${tail}${shots}`
}

function shotLine({ durationSeconds, prompt }: StoryboardShot): string {
  // The marker that servers search for has digits and at most one point: no exponent, and no endless fraction.
  const seconds = Number.isInteger(durationSeconds) ? durationSeconds.toFixed(1) : Number(durationSeconds.toFixed(3))
  return `[${seconds}s]${prompt}`
}

function mediaParts(request: VideoRequest, field: 'image' | 'references' | 'video'): readonly JsonObject[] {
  if (field === 'references') {
    return (request.references ?? []).map((reference, index) => mediaPart(reference, 'image', `references[${index}]`))
  }
  return [mediaPart(request[field] ?? '', field)]
}

function mediaPart(media: MediaInput, kind: 'image' | 'video', field: string = kind): JsonObject {
  const file = readMediaFile(media, kind, field)
  const url = file.kind === 'url' ? file.url : dataUrlOf(file)
  return { type: `${kind}_url`, [`${kind}_url`]: { url } }
}

function isAddress(media: MediaInput | undefined): boolean {
  return typeof media === 'string' && /^https?:/i.test(media)
}

function shown(value: VideoRequest[Field]): string {
  return describeValue(typeof value === 'string' && value.startsWith('data:') ? 'data:…' : value)
}
