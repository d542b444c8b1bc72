import { unknownNames } from '../contracts/check-options.js'
import { describeValue } from '../contracts/errors.js'
import { type InputProblem, InvalidRequestError } from '../contracts/input-errors.js'
import { isFields } from '../contracts/is-fields.js'
import { flawInJson, isJson, jsonCopy } from '../contracts/is-json.js'
import { nearestName } from '../contracts/nearest-name.js'
import type { MediaInput, VideoRequest } from '../contracts/request.js'
import { mediaOf } from './state/request-media.js'

const MAX_PROMPT = 32_000
const A_NAME = 'give 1 to 255 characters'
const SHOT = ['durationSeconds', 'prompt']
// A file of a form, as the HTTP handler passes it to `prepare`, has a name as well.
const MEDIA = ['bytes', 'mediaType', 'fileName']

type Rule = { readonly isRight: (value: unknown) => boolean; readonly fix: string }

const text: Rule = {
  isRight: (value) => typeof value === 'string' && value !== '',
  fix: 'give a text that is not empty',
}
const prompt: Rule = {
  isRight: (value) =>
    typeof value === 'string' && value.length > 0 && (value.length <= MAX_PROMPT || [...value].length <= MAX_PROMPT),
  fix: 'give 1 to 32,000 characters',
}
const seconds: Rule = {
  isRight: (value) => typeof value === 'number' && Number.isFinite(value) && value > 0,
  fix: 'give seconds above 0',
}

const RULES: Readonly<Record<keyof VideoRequest, Rule | undefined>> = {
  prompt,
  model: text,
  durationSeconds: seconds,
  size: {
    isRight: matches(/^[1-9]\d{0,4}x[1-9]\d{0,4}$/),
    fix: "give '{width}x{height}' in pixels, such as '1280x720'",
  },
  aspectRatio: { isRight: matches(/^[1-9]\d{0,3}:[1-9]\d{0,3}$/), fix: "give '{width}:{height}', such as '16:9'" },
  image: mediaRule('image'),
  lastFrame: mediaRule('image'),
  references: {
    isRight: (value) => Array.isArray(value) && value.length > 0,
    fix: 'give at least one image',
  },
  audioInput: mediaRule('audio'),
  video: mediaRule('video'),
  remixOf: text,
  storyboard: {
    isRight: (value) => Array.isArray(value) && value.length > 0,
    fix: 'give at least one shot as { durationSeconds, prompt }',
  },
  style: text,
  seed: {
    isRight: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
    fix: 'give a whole number from 0',
  },
  audio: { isRight: (value) => typeof value === 'boolean', fix: 'give true or false' },
  user: text,
  metadata: {
    isRight: (value) => isFields(value) && Object.values(value).every((entry) => typeof entry === 'string'),
    fix: 'give an object of texts',
  },
  providerOptions: { isRight: (value) => isFields(value) && isJson(value), fix: 'give a JSON object' },
}

/**
 * Checks a request before anything is sent and returns a copy, so that later changes by the caller have no effect. Lone
 * surrogates in its texts are replaced, because no upstream can read them.
 * @throws InvalidRequestError naming every problem.
 */
export function checkRequest(given: VideoRequest): VideoRequest {
  const request = readOnce(given)
  const problems: InputProblem[] = []
  const check = (field: string, rule: Rule | undefined, value: unknown) => {
    if (rule === undefined || isRightTo(rule, value)) return
    const flaw = field === 'providerOptions' && isFields(value) ? flawInJson(value, field) : undefined
    const wrong = flaw ?? { field, value }
    problems.push({ field: wrong.field, value: describeInput(field, wrong.value), fix: rule.fix })
  }
  check('prompt', prompt, request.prompt)
  // A mistyped name counts without a value too: the value may be missing by mistake.
  for (const [field, value] of Object.entries(request)) {
    if (!Object.hasOwn(RULES, field)) {
      const nearest = nearestName(field, Object.keys(RULES))
      const fix = nearest === undefined ? 'leave it out, or put it into providerOptions' : `did you mean ${nearest}?`
      problems.push({ field, value: 'unknown', fix })
    } else if (field !== 'prompt' && value !== undefined) check(field, RULES[field as keyof VideoRequest], value)
  }
  if (Array.isArray(request.storyboard)) {
    request.storyboard.forEach((shot: unknown, index) => {
      const { durationSeconds, prompt: shotPrompt } = isPlainObject(shot) ? shot : {}
      check(`storyboard[${index}].durationSeconds`, seconds, durationSeconds)
      check(`storyboard[${index}].prompt`, prompt, shotPrompt)
      if (isPlainObject(shot)) problems.push(...unknownNames(Object.keys(shot), SHOT, `storyboard[${index}].`))
    })
  }
  const { references } = request
  const list: readonly unknown[] = Array.isArray(references) ? Array.from(references) : []
  for (const [index, reference] of list.entries()) check(`references[${index}]`, RULES.image, reference)
  for (const [field, media] of mediaOf({ ...request, references: list })) {
    if (isPlainObject(media)) problems.push(...unknownNames(Object.keys(media), MEDIA, `${field}.`))
  }
  if (problems.length > 0) throw new InvalidRequestError(problems)
  const values = Object.entries(request).filter(([, value]) => value !== undefined)
  const copies = values.map(([field, value]) => [field, copyOf(field, value)])
  return { ...(Object.fromEntries(copies) as Omit<VideoRequest, 'prompt'>), prompt: request.prompt.toWellFormed() }
}

// Its fields are read only here: a getter may throw, or give another value the next time.
function readOnce(request: VideoRequest): VideoRequest {
  let value = describeValue(request)
  try {
    if (isPlainObject(request)) return { ...request }
  } catch (error) {
    value = `an object that throws ${error instanceof Error ? error.name : typeof error}`
  }
  throw new InvalidRequestError([{ field: 'request', value, fix: 'give an object with a prompt' }])
}

// JSON as it will be sent; media may be bytes.
function copyOf(field: string, value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed()
  if (typeof value !== 'object') return value
  try {
    return field === 'providerOptions' ? jsonCopy(value) : structuredClone(value)
  } catch {
    throw new InvalidRequestError([{ field, value: describeValue(value), fix: 'give plain data' }])
  }
}

/**
 * Checks the id and the owner of a run.
 * @throws InvalidRequestError naming every problem.
 */
export function checkNames(names: { readonly id?: string | undefined; readonly owner?: string | undefined }): void {
  const problems = Object.entries(names).flatMap(([field, value]): InputProblem[] => {
    const isFine = value === undefined || (typeof value === 'string' && value.length >= 1 && value.length <= 255)
    return isFine ? [] : [{ field, value: describeValue(value), fix: A_NAME }]
  })
  if (problems.length > 0) throw new InvalidRequestError(problems)
}

/**
 * Checks the id of a run that has to be given.
 * @throws InvalidRequestError naming `id`.
 */
export function checkId(id: unknown): asserts id is string {
  if (id === undefined) throw new InvalidRequestError([{ field: 'id', value: 'nothing', fix: A_NAME }])
  checkNames({ id: id as never })
}

/** Checks the id of a lookup: a text that is not the id of a run is valid there, and any other value is an error. */
export function checkIsText(id: unknown): asserts id is string {
  if (typeof id !== 'string') checkId(id)
}

function mediaRule(kind: 'image' | 'video' | 'audio'): Rule {
  const isData = new RegExp(`^data:${kind}/[a-z0-9.+-]+(;[^,]*)?,.`, 'is')
  const isType = new RegExp(`^${kind}/[a-z0-9.+-]+$`, 'i')
  return {
    isRight: (value) => {
      if (typeof value === 'string') return isData.test(value.slice(0, 200)) || isHttpUrl(value)
      if (!isPlainObject(value)) return false
      const { bytes, mediaType } = value as Partial<Exclude<MediaInput, string>>
      return bytes instanceof Uint8Array && bytes.length > 0 && typeof mediaType === 'string' && isType.test(mediaType)
    },
    fix: `give an http(s) URL, a data URL of type ${kind}/…, or { bytes, mediaType: '${kind}/…' }`,
  }
}

// A prompt is private and a data URL is long: neither belongs in an error.
function describeInput(field: string, value: unknown): string {
  if (field.endsWith('prompt') && typeof value === 'string') return `a text of ${[...value].length} characters`
  if (typeof value === 'string' && value.startsWith('data:')) return describeValue(value.split(/[;,]/, 1)[0])
  return describeValue(value)
}

function isHttpUrl(value: string): boolean {
  return URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)
}

function matches(pattern: RegExp): (value: unknown) => boolean {
  return (value) => typeof value === 'string' && pattern.test(value)
}

// A getter or a proxy may throw.
function isRightTo({ isRight }: Rule, value: unknown): boolean {
  try {
    return isRight(value)
  } catch {
    return false
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
