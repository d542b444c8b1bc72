import { isRecord } from './is-record.js'
import { jsonOf } from './json-of.js'
import { mediaTypeOf } from './media-type.js'
import { isWholeJob, type OutputRole, roleOfEntry, roleOfName } from './output-role.js'

/** Where an upstream put a video: at an address, or as base64 in the answer itself. */
export type VideoOutput = (
  | { readonly kind: 'url'; readonly url: string; readonly needsKey: boolean }
  | { readonly kind: 'bytes'; readonly base64: string; readonly mediaType: string | undefined }
) & {
  /** Whether it is only a preview, or perhaps an input: it counts only if the answer names nothing else. */
  readonly isLastResort?: true
}

/** The strength of the evidence for an address, from a field of results up to the file itself. */
export type Evidence = 0 | 1 | 2 | 3

type Path = readonly string[]

interface Found {
  readonly output: VideoOutput
  readonly evidence: Evidence
  /**
   * Whether it is an inferior copy: with a watermark, or before it was cut to the requested aspect ratio.
   */
  readonly isLesser: boolean
  readonly rank: number
}

// Paths of results, the most trusted first; a number stands for any index of a list.
const PLACES: readonly string[] = [
  'url',
  'video_url',
  'video.url',
  'metadata.url',
  'metadata.result_url',
  'result_url',
  'output.url',
  'output.videos.0.url',
  'output.video_url',
  'outputs.video_url',
  'output',
  'output.0',
  'urls.0',
  'unsigned_urls.0',
  'data.0.url',
  'data.0.b64_json',
  'data.result_url',
  'data.url',
  'videos.0.url',
  'content.video_url',
]
// Fields of inputs, of pictures shown with a video, and of API addresses.
const NOT_THE_VIDEO =
  /thumb|cover|poster|preview_?image|snapshot|webhook|callback|poll|status_?ur[il]|cancel|^get$|^stream$|logs?$|^self$|docs?$|help|^(?:links?_)?html$|^web$|^input|input$|^request|param|prompt|reference|first_?frame|last_?frame|avatar|logo|audio|subtitle|^images?$|image_?ur[il]s?$|^error|gif|moderat|^usage|^source$|spritesheet|terms|polic/i
const OF_A_VIDEO = /video|mp4|movie|clip|animation/i
const OF_A_RESULT =
  /^(?:urls?|uri|href|link|src|output|outputs|result|results|result_?urls?|file|files|file_?url|media|media_?url|download|download_?(?:url|link|uri)|asset|assets|content|data|fail_reason|samples?|unsigned_urls|(?:output|signed|presigned|public|final|rendered|processed|hosted|cdn|storage|playback)_?(?:url|uri|link|href)s?|generated.*)$/i
const VIDEO_FILE = /\.(?:mp4|mov|webm|m4v|mkv|avi)$/i
const OTHER_FILE =
  /\.(?:webp|png|jpe?g|gif|svg|avif|bmp|ico|json|html?|php|txt|md|pdf|zip|mp3|wav|m4a|srt|vtt|js|css)$/i
const BASE64_NAMES = /b64|base64|encoded_?video|video_?bytes/i
const BASE64_TEXT = /^[A-Za-z0-9+/_-]{3,}={0,2}$/
const MEDIA_TYPES: Readonly<Record<string, string>> = { mp4: 'video/mp4', webm: 'video/webm', mov: 'video/quicktime' }
const DATA_URL = /^data:([\w.+-]+\/[\w.+-]+)?(?:;[\w.+-]+=[^;,]*)*;base64,/i
const DEEPEST = 8
const MOST_VALUES = 5_000

/**
 * Every output that an answer names, the strongest evidence first: the extension or the media type of a video, a
 * field named after one, a field of results; among equals in the order that servers are known to use. Previews come
 * last. Pictures, pages, API addresses and inputs are not outputs. Addresses may be relative to `base`; anything other than http and
 * data URLs is skipped.
 */
export function videoOutputs(answer: unknown, base: string): VideoOutput[] {
  return read(answer, base)
    .found.map(({ output }) => output)
    .filter(isFirst)
}

/**
 * Whether an answer names an output by more than a field of results, whose address may be that of a file that does
 * not exist yet.
 * @param isInput - Whether an output is an input of the request, and no output.
 */
export function hasVideoEvidence(
  answer: unknown,
  base: string,
  isInput: (output: VideoOutput) => boolean = () => false,
): boolean {
  const first = read(answer, base).found.find(({ output }) => !isInput(output))
  return first !== undefined && first.evidence > 1 && first.output.isLastResort === undefined
}

/** The addresses of the inputs that an answer repeats: they are never the video, wherever else they appear. */
export function inputAddresses(answer: unknown, base: string): readonly string[] {
  return read(answer, base).inputs
}

function read(answer: unknown, base: string): { readonly found: readonly Found[]; readonly inputs: readonly string[] } {
  const found: Found[] = []
  const inputs: string[] = []
  let left = MOST_VALUES
  const look = (value: unknown, path: Path, role?: OutputRole): void => {
    left -= 1
    if (left < 0 || path.length > DEEPEST) return
    if (typeof value === 'string') add(value.trim(), path, role)
    else if (Array.isArray(value)) lookInList(value, path, role)
    else if (isRecord(value)) lookIn(value, path, path.length > 0 && !isWholeJob(value) ? roleIn(value, role) : role)
  }
  const lookInList = (list: readonly unknown[], path: Path, role: OutputRole | undefined): void => {
    for (const [index, entry] of list.entries()) {
      // Of several entries each is one of the files, even with a state of its own.
      const own = list.length > 1 && isRecord(entry) ? roleIn(entry, role) : role
      look(entry, [...path, String(index)], own)
    }
  }
  const lookIn = (value: Readonly<Record<string, unknown>>, path: Path, role: OutputRole | undefined): void => {
    for (const [name, part] of Object.entries(value)) look(part, [...path, name], stronger(roleOfName(name), role))
  }
  const add = (text: string, path: Path, role: OutputRole | undefined): void => {
    if (/^[{[]/.test(text)) look(jsonOf(text), path, role)
    const output = outputOf(text, path, { base, answer, role })
    if (output === undefined) return
    const isInput = role === 'input' || (output.kind === 'url' && path.some(isGiven))
    if (isInput && output.kind === 'url') inputs.push(output.url)
    if (isInput) return
    const evidence = output.kind === 'bytes' ? 3 : evidenceOf(new URL(output.url), path, role)
    if (evidence === 0) return
    const placed = role === 'last-resort' ? { ...output, isLastResort: true as const } : output
    found.push({ output: placed, evidence, isLesser: isLesser(path), rank: rankOf(path) })
  }
  look(answer, [])
  const sorted = found.toSorted(
    (one, other) =>
      Number(one.output.isLastResort ?? false) - Number(other.output.isLastResort ?? false) ||
      other.evidence - one.evidence ||
      Number(one.isLesser) - Number(other.isLesser) ||
      one.rank - other.rank,
  )
  return { found: sorted, inputs }
}

function roleIn(entry: Readonly<Record<string, unknown>>, role: OutputRole | undefined): OutputRole | undefined {
  return stronger(roleOfEntry(entry), role)
}

// An input stays one, however its parts are called.
function stronger(inner: OutputRole | undefined, outer: OutputRole | undefined): OutputRole | undefined {
  return inner === undefined || outer === 'input' ? outer : inner
}

/**
 * The evidence in the path of an address: 3 for the name of a video file, 0 for another file, `undefined` for
 * neither.
 */
export function fileEvidence({ pathname }: URL): Evidence | undefined {
  if (VIDEO_FILE.test(pathname)) return 3
  return OTHER_FILE.test(pathname) ? 0 : undefined
}

/** The bytes in a data URL of a video; `undefined` for any other text. */
export function inlineOutput(text: string): Extract<VideoOutput, { kind: 'bytes' }> | undefined {
  const inline = DATA_URL.exec(text)
  const type = inline?.[1]?.toLowerCase()
  if (inline === null || (type !== undefined && !/^video\/|^application\/(?:octet-stream|mp4)$/.test(type)))
    return undefined
  const mediaType = type?.startsWith('video/') ? type : undefined
  return { kind: 'bytes', base64: text.slice(inline[0].length), mediaType }
}

function evidenceOf(url: URL, path: Path, role: OutputRole | undefined): Evidence {
  const names = path.filter((name) => !/^\d+$/.test(name))
  const last = names.at(-1) ?? 'output'
  const ofFile = fileEvidence(url)
  if (ofFile === 0) return 0
  // A video may be among pictures.
  if (ofFile === 3) return 3
  if (names.some((name) => NOT_THE_VIDEO.test(name))) return 0
  // A word such as `poster` beside an address is about it, unless its own name is that of a video.
  if (role === 'picture') return OF_A_VIDEO.test(last) ? 2 : 0
  if (names.some((name) => OF_A_VIDEO.test(name))) return 2
  return OF_A_RESULT.test(last) ? 1 : 0
}

// Beside these fields a video is an input, or was not requested.
function isGiven(name: string): boolean {
  return !/image|^error|source|gif/i.test(name) && NOT_THE_VIDEO.test(name)
}

function outputOf(
  text: string,
  path: Path,
  { base, answer, role }: { readonly base: string; readonly answer: unknown; readonly role: OutputRole | undefined },
): VideoOutput | undefined {
  const inline = inlineOutput(text) ?? bareVideo(text)
  if (inline) return inline
  const name = path.at(-1) ?? ''
  if (BASE64_NAMES.test(name)) {
    return role !== 'picture' && BASE64_TEXT.test(text.slice(0, 100))
      ? { kind: 'bytes', base64: text, mediaType: formatAt(answer) }
      : undefined
  }
  // A bare word would also resolve against the base: only an address or an absolute path counts.
  if (!/^(https?:\/\/|\/)/i.test(text) || !URL.canParse(text, base)) return undefined
  return { kind: 'url', url: new URL(text, base).href, needsKey: path[0] === 'unsigned_urls' }
}

// Base64 in any field that starts like a video.
function bareVideo(text: string): VideoOutput | undefined {
  if (text.length < 64 || !/^[A-Za-z0-9+/]{44}/.test(text)) return undefined
  const mediaType = mediaTypeOf(Buffer.from(text.slice(0, 44), 'base64'))
  return mediaType?.startsWith('video/') ? { kind: 'bytes', base64: text, mediaType } : undefined
}

function isLesser(path: Path): boolean {
  return path.some(
    (name) =>
      /^origin_?urls?$/i.test(name) ||
      (/watermark/i.test(name) && !/no_?watermark|without|free|un_?watermark/i.test(name)),
  )
}

function rankOf(path: Path): number {
  const place = path.map((name) => (/^\d+$/.test(name) ? '0' : name)).join('.')
  const known = PLACES.indexOf(place)
  return known < 0 ? PLACES.length : known
}

function isFirst(output: VideoOutput, index: number, all: readonly VideoOutput[]): boolean {
  if (output.kind === 'bytes') return output.base64 !== ''
  return all.findIndex((other) => other.kind === 'url' && other.url === output.url) === index
}

function formatAt(answer: unknown): string | undefined {
  const first = isRecord(answer) && Array.isArray(answer.data) ? answer.data[0] : undefined
  const format = isRecord(first) ? (first.output_format ?? first.format) : undefined
  return typeof format === 'string' ? MEDIA_TYPES[format.toLowerCase()] : undefined
}
