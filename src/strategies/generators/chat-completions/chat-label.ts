/** What the words around an address say of it: a preview, a lesson or an example, or an input that is repeated. */
export type LabelRole = 'last-resort' | 'input'

// Letters on both sides would make another word; names of fields have underscores.
const INPUT =
  /(?<![a-z])(?:input|source|reference|ref|driving|driver|init)[\s_-]*(?:video|clip|footage)s?(?![a-z])|(?:输入|參考|参考|源|驱动)(?:视频|影片)/i
const LAST_RESORT =
  /(?<![a-z])(?:previews?|teasers?|trailers?|tutorials?|examples?|guides?|how[\s_-]to|low[\s_-]?(?:res(?:olution)?|quality)|original[\s_-]video|sample[\s_-]videos?)(?![a-z])|预览|預覽|试看|教程|教學|示例|范例|範例|样例|原视频|プレビュー|チュートリアル/i
const NOT_LAST_RESORT = /(?<![a-z])(?:no|without)[\s_-]previews?(?![a-z])/i
// A note in brackets, or the text of an anchor.
const BEHIND = /^(?:["')\]*_`]*[ \t]*[([{（【-][ \t]*|["'][^<>\n]*>)/
const LAST_FILE = /(?:^|[._-])(?:preview|teaser|trailer|tutorial|low_?res)(?=[._-]|$)/i
const ADDRESS = /https?:\/\/[^\s"'<>)\]]*/gi
// The names of tags and of their attributes are not words about an address.
const MARKUP = /<\/?\w+|\b(?:src|href|class|id|style|target|rel|type|title|width|height|controls|poster|alt)\s*=/gi
const LETTER = /\p{L}/u
const BEFORE = 240
const LONGEST_HEADING = 80
const LONGEST_NOTE = 120

/**
 * The role of an address in a text, by its label: the words between the address before it and this one in its line,
 * or else the line above, which may be a heading; a note in brackets behind it; and the name of its file.
 */
export function labelRole(text: string, at: number, written: string): LabelRole | undefined {
  // A tag begins before its address.
  const start = Math.max(at, text.indexOf(written, at))
  const label = labelBefore(text, start)
  if (INPUT.test(label)) return 'input'
  const note = noteBehind(text.slice(start + written.length, start + written.length + LONGEST_NOTE))
  const isLast = [label, note].some((words) => LAST_RESORT.test(words) && !NOT_LAST_RESORT.test(words))
  return isLast || LAST_FILE.test(fileOf(written)) ? 'last-resort' : undefined
}

function labelBefore(text: string, at: number): string {
  const before = text.slice(Math.max(0, at - BEFORE), at)
  const former = [...before.matchAll(ADDRESS)].at(-1)
  const since = former === undefined ? before : before.slice(former.index + former[0].length)
  const lines = since.replace(MARKUP, ' ').split('\n')
  const own = lines.at(-1) ?? ''
  if (LETTER.test(own)) return own
  const above = lines.slice(0, -1).findLast((line) => LETTER.test(line)) ?? ''
  return above.length <= LONGEST_HEADING ? above : ''
}

function noteBehind(behind: string): string {
  const opening = BEHIND.exec(behind)?.[0]
  return opening === undefined ? '' : (behind.slice(opening.length).split(/[)\]}）】<\n]|https?:/)[0] ?? '')
}

function fileOf(written: string): string {
  return written.split(/[?#]/, 1)[0]?.split('/').at(-1) ?? ''
}
