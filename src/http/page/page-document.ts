import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** The page: one document with its style and its script. The build puts its text in the place of the call. */
export const PAGE_DOCUMENT = readFileSync(new URL('./page.html', import.meta.url), 'utf8')

/**
 * Headers of the page. The policy names the script and the style by their hashes, allows requests only to the page's own
 * origin, and refuses every assignment of HTML, so that a text from a prompt or an upstream cannot become markup.
 */
export const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': [
    "default-src 'none'",
    `script-src '${hashOf('script')}'`,
    `style-src '${hashOf('style')}'`,
    "connect-src 'self'",
    "media-src 'self'",
    "img-src 'self' blob: data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; '),
  'cache-control': 'no-cache',
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const

function hashOf(element: 'script' | 'style'): string {
  const text = new RegExp(`<${element}(?: [^>]*)?>([\\s\\S]*?)</${element}>`).exec(PAGE_DOCUMENT)?.[1] ?? ''
  return `sha256-${createHash('sha256').update(text).digest('base64')}`
}
