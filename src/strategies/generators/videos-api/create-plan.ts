import { describeValue } from '../../../contracts/errors.js'
import { type InputProblem, InvalidRequestError } from '../../../contracts/input-errors.js'
import type { JsonObject, JsonValue } from '../../../contracts/json.js'
import type { VideoRequest } from '../../../contracts/request.js'
import type { StageContext, SubmitContext } from '../../../contracts/stage.js'
import { dataUrlOf, type MediaFile, readMediaFile } from '../media-file.js'
import { type RequestField, warnUnsupported } from '../unsupported-field.js'
import { sizeFor } from '../video-size.js'
import { DIALECTS, type Dialect, type Encoding, type VideosApiDialect } from './dialect.js'
import { FURTHER_FIELDS, furtherFields, refuseLostMedia, warnOfSound } from './further-media.js'

/** The content of a submission, before it is encoded. */
export interface CreatePlan {
  /** Path below the base address, such as `/videos`. */
  readonly path: string
  readonly fields: JsonObject
  readonly image?: MediaFile | undefined
  readonly dialect: Dialect
  /** The only encoding in which the server reads all of the fields; either without. */
  readonly only?: Encoding | undefined
  /** Always bytes: this family does not accept the address of a video. */
  readonly video?: Extract<MediaFile, { kind: 'file' }> | undefined
  /** Merged last, so its keys win. */
  readonly overrides: JsonObject
}

/** The configuration of the generator. */
export interface CreateDefaults {
  readonly name: string
  readonly model?: string | undefined
  readonly secondsType?: 'string' | 'number' | undefined
  readonly videoInput: 'edits' | 'extensions'
  readonly dialect: VideosApiDialect
  readonly imageUrls?: 'bytes' | 'url' | 'data-url' | undefined
  readonly callbackField?: string | undefined
}

// Fields that this family lacks, with the name of the upstream's extension for each.
const CHANGES_RESULT: readonly RequestField[] = ['storyboard', 'style', ...FURTHER_FIELDS]
const CHANGES_LITTLE = ['seed', 'audio', 'user'] as const
// Properties that a remix or an edit keeps from its original video.
const KEPT: readonly RequestField[] = ['model', 'size', 'aspectRatio', 'durationSeconds']

/**
 * Plans one submission: its path and its fields.
 * @throws InvalidRequestError naming every field that would change the result and that this family cannot honour.
 * Fields with little effect give a warning. A field counts as honoured when `providerOptions` has a key of that name.
 */
export function planCreate(
  request: VideoRequest,
  defaults: CreateDefaults,
  context: StageContext & Pick<SubmitContext, 'callbackUrl'>,
): CreatePlan {
  const { videoInput: chosenInput, ...overrides } = request.providerOptions ?? {}
  const problems: InputProblem[] = []
  const refuse = (field: RequestField, fix: string) =>
    problems.push({ field, value: describeValue(request[field]), fix })
  const isLeft = (field: RequestField) => request[field] !== undefined && !Object.hasOwn(overrides, field)
  const dialect = DIALECTS[defaults.dialect]
  const named = `the dialect "${defaults.dialect}"`
  const { names, further } = dialect

  if (chosenInput !== undefined && chosenInput !== 'edits' && chosenInput !== 'extensions') {
    const field = 'providerOptions.videoInput'
    problems.push({ field, value: describeValue(chosenInput), fix: 'give edits or extensions' })
  }
  const taken: readonly RequestField[] = further?.takes ?? []
  for (const field of CHANGES_RESULT.filter((one) => isLeft(one) && !taken.includes(one))) {
    refuse(field, `leave it out: ${named} of ${defaults.name} has no such field; or give it in providerOptions`)
  }
  const base = baseOf(request)
  const input = chosenInput ?? defaults.videoInput
  const unnamed = CHANGES_LITTLE.filter((field) => names[field] === undefined || base !== 'prompt')
  const ignored = [...unnamed, ...(base === 'prompt' ? [] : keptBy(base, input))]
  const lacking =
    base === 'prompt' ? named : base === 'remixOf' ? 'a remix' : `an ${input === 'edits' ? 'edit' : 'extension'}`
  for (const field of ignored) {
    if (isLeft(field)) warnUnsupported(context, defaults.name, field, lacking)
  }
  const inputs = ['image', 'video', 'remixOf'] as const
  const given = inputs.filter((field) => request[field] !== undefined)
  for (const field of given.slice(1))
    refuse(field, `leave it out: ${given[0]} is given, and one video begins with one of them`)

  if (/^\.{1,2}$/.test(request.remixOf ?? '')) refuse('remixOf', 'give the id of a video, as the upstream gave it')
  if (base !== 'prompt' && !dialect.bases.includes(base))
    refuse(base, `leave it out: ${named} of ${defaults.name} has no such field`)

  const frame = base === 'prompt' ? frameOf(request, names.aspectRatio) : {}
  if (frame === 'unmapped') refuse('aspectRatio', 'give a size instead, such as 1280x720: no known size has this ratio')
  if (frame === 'contradiction')
    refuse('aspectRatio', `leave it out, or give a size of this ratio instead of ${request.size}`)
  const { field: durationField, type } = dialect.duration
  const seconds = secondsOf(request, defaults.secondsType ?? type)
  if (durationField === 'duration' && !Number.isInteger(request.durationSeconds ?? 1)) {
    refuse('durationSeconds', 'give whole seconds')
  }
  const sent = FURTHER_FIELDS.filter((field) => isLeft(field) && further?.takes.includes(field) === true)
  refuseLostMedia(request, sent, { further, base, refuse })
  const isFine = problems.length === 0
  const media = isFine && further !== undefined && sent.length > 0 ? furtherFields(request, sent, further) : undefined
  // Beside a last frame, references or a sound, the first frame is in their fields.
  const { image: _image, ...imageless } = request
  const files = isFine ? filesOf(media === undefined ? request : imageless, defaults.imageUrls, refuse) : {}
  if (problems.length > 0) throw new InvalidRequestError(problems)

  const extended = Object.entries(names).map(([field, name]) => [name, request[field as keyof typeof names]])
  const all = {
    model: request.model ?? defaults.model,
    [durationField]: seconds,
    size: typeof frame === 'object' ? frame.size : undefined,
    ...Object.fromEntries(extended),
    ...media,
  }
  const { callbackField: field } = defaults
  // Behind the fields of the caller's own, which take precedence.
  const callback = field === undefined || context.callbackUrl === undefined ? {} : { [field]: context.callbackUrl }
  const only = media === undefined ? undefined : further?.encoding
  if (further?.readsSoundSometimes === true && sent.includes('audioInput')) warnOfSound(defaults.name, context)
  const plan = { ...files, only, overrides: { ...callback, ...overrides }, dialect }
  if (base === 'remixOf') {
    return {
      ...plan,
      path: `/videos/${encodeURIComponent(request.remixOf ?? '')}/remix`,
      fields: { prompt: request.prompt },
    }
  }
  if (base === 'prompt') return { ...plan, path: '/videos', fields: defined({ prompt: request.prompt, ...all }) }
  return input === 'extensions'
    ? { ...plan, path: '/videos/extensions', fields: defined({ prompt: request.prompt, [durationField]: seconds }) }
    : { ...plan, path: '/videos/edits', fields: { prompt: request.prompt } }
}

function baseOf(request: VideoRequest): 'remixOf' | 'video' | 'prompt' {
  if (request.remixOf !== undefined) return 'remixOf'
  return request.video === undefined ? 'prompt' : 'video'
}

function keptBy(base: 'remixOf' | 'video', videoInput: JsonValue): readonly RequestField[] {
  const isExtension = base === 'video' && videoInput === 'extensions'
  return isExtension ? KEPT.filter((field) => field !== 'durationSeconds') : KEPT
}

// A server with a field for the ratio gets both as they are.
function frameOf(request: VideoRequest, ratioName: string | undefined): ReturnType<typeof sizeFor> {
  const { size } = request
  if (ratioName === undefined) return sizeFor(request)
  const isContradiction = size !== undefined && sizeFor(request) === 'contradiction'
  return isContradiction ? 'contradiction' : size === undefined ? {} : { size }
}

function filesOf(
  request: VideoRequest,
  imageUrls: CreateDefaults['imageUrls'],
  refuse: (field: RequestField, fix: string) => unknown,
): Pick<CreatePlan, 'image' | 'video'> {
  const image = request.image === undefined ? undefined : readMediaFile(request.image, 'image')
  const video = request.video === undefined ? undefined : readMediaFile(request.video, 'video')
  if (video?.kind === 'url')
    refuse('video', 'download it and give its bytes: the upstream does not accept the address of a video')
  const isText = imageUrls === 'data-url' && image?.kind === 'file'
  return {
    image: isText ? { kind: 'url', url: dataUrlOf(image) } : image,
    video: video?.kind === 'file' ? video : undefined,
  }
}

function secondsOf({ durationSeconds }: VideoRequest, type: 'string' | 'number'): string | number | undefined {
  return durationSeconds === undefined || type === 'number' ? durationSeconds : String(durationSeconds)
}

function defined(fields: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
}
