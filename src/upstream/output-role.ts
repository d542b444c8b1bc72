import { isRecord } from './is-record.js'

/**
 * What an address in an answer is by the words around it: a preview or another copy that counts only if nothing else
 * does, an input that was echoed, or a picture, sound or text beside the video.
 */
export type OutputRole = 'last-resort' | 'input' | 'picture'

// Fields of inputs whose names are also those of videos.
const INPUT_NAME =
  /^(?:source|src|driv(?:ing|er)|input|init|initial|base|ref|reference|control|pose|guid(?:e|ance)|previous|prior|parent|from|conditioning)[_-]?(?:video|clip|movie|footage)s?(?:[_-]?(?:url|uri|link|href|path|src|file)s?)?$|^(?:remix|extend|extension|edit|fork|deriv|continu)(?:ed|ation|e)?[_-]?(?:from|of|source)(?:[_-]?(?:video|url))*$|^(?:driving|parent)$|^video[_-]?to[_-]?(?:extend|edit|remix)/i
// In an answer without anything else such a video may still be the result.
const LAST_NAME =
  /preview|teaser|trailer|low[_-]?(?:res(?:olution)?|quality)|^progress[_-]?video|^(?:original|target|template)[_-]?(?:video|clip|movie)/i
const NOT_LAST_NAME = /(?:^|[_-])(?:no|without|un)[_-]?preview/i

// Fields that describe the object in which they are.
const DESCRIPTIONS = [
  'role',
  'type',
  'kind',
  'purpose',
  'usage',
  'category',
  'label',
  'variant',
  'name',
  'tag',
] as const
const QUALITIES = ['quality', 'rendition', 'version'] as const
const MEDIA_TYPES = [
  ...['mime_type', 'mimeType', 'mimetype', 'mime', 'content_type', 'contentType', 'media_type', 'mediaType', 'type'],
  ...['format', 'file_type', 'fileType'],
] as const
const INPUT_WORD =
  /^(?:user_)?(?:input|source|reference|ref|driving|driver)s?(?:_(?:video|image|file|asset|media|clip))?$/
const LAST_WORD =
  /^(?:animated_|video_)?(?:preview|draft|teaser|trailer|low|lowres|low_res|low_resolution|low_quality|proxy)(?:_(?:video|clip|file|url|version|quality))?$/
const PICTURE_WORD =
  /^(?:video_)?(?:poster|thumbnail|thumb|cover|image|picture|photo|still|snapshot|frame|first_frame|last_frame|sprite|spritesheet|storyboard|avatar|logo|audio|music|subtitles?|captions?|transcript|gif)s?(?:_(?:image|url|file|frame))?$/
const OTHER_MEDIA =
  /^(?:image|audio|text|font)\/|^application\/(?:json|pdf|zip|xml)|^(?:png|jpe?g|webp|avif|svg|bmp|mp3|wav|m4a|srt|vtt|json|txt|html?)$/i
// Fields of a whole job, whose words are about what was requested.
const OF_REQUEST = ['prompt', 'model', 'progress'] as const
const STATES = ['status', 'state', 'task_status', 'taskStatus'] as const

/** The role that the name of a field gives to what is in it; `undefined` for that of the video. */
export function roleOfName(name: string): OutputRole | undefined {
  if (INPUT_NAME.test(name)) return 'input'
  return LAST_NAME.test(name) && !NOT_LAST_NAME.test(name) ? 'last-resort' : undefined
}

/** The role that an object gives to itself, with words such as `role: "input"` or a media type; `undefined` if none. */
export function roleOfEntry(entry: Readonly<Record<string, unknown>>): OutputRole | undefined {
  const words = wordsAt(entry, DESCRIPTIONS)
  if (words.some((word) => INPUT_WORD.test(word)) || isTrue(entry, ['is_input', 'isInput'])) return 'input'
  if (
    words.some((word) => PICTURE_WORD.test(word)) ||
    MEDIA_TYPES.some((name) => OTHER_MEDIA.test(textAt(entry, name)))
  )
    return 'picture'
  const isLast = [...words, ...wordsAt(entry, QUALITIES)].some((word) => LAST_WORD.test(word))
  return isLast || isTrue(entry, ['is_preview', 'isPreview']) ? 'last-resort' : undefined
}

/** Whether an object is a whole job, and not one of the files of a job. */
export function isWholeJob(entry: Readonly<Record<string, unknown>>): boolean {
  const has = (name: string) => entry[name] !== undefined && entry[name] !== null && !isRecord(entry[name])
  return OF_REQUEST.some(has) || (STATES.some(has) && Object.keys(entry).some((name) => /(?:^|_)id$|Id$/.test(name)))
}

function wordsAt(entry: Readonly<Record<string, unknown>>, names: readonly string[]): readonly string[] {
  return names.map((name) =>
    textAt(entry, name)
      .replace(/([a-z])([A-Z])/g, '$1_$2')
      .toLowerCase()
      .replace(/[-\s]+/g, '_'),
  )
}

function textAt(entry: Readonly<Record<string, unknown>>, name: string): string {
  const value = entry[name]
  return typeof value === 'string' && value.length <= 100 ? value.trim() : ''
}

function isTrue(entry: Readonly<Record<string, unknown>>, names: readonly string[]): boolean {
  return names.some((name) => entry[name] === true)
}
