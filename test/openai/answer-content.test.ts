import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AnswerFormat, answerContent } from '../../src/openai/answer-content.js'
import { resultWith } from './run-events.js'

const answer = (format: AnswerFormat, url: string) => answerContent(format, resultWith(url))

test('each format of a plain URL', () => {
  const url = 'https://cdn.example/MP4/s_1.mp4'
  expect(answer('url', url)).toBe(url)
  expect(answer('markdown', url)).toBe(`[video](${url})`)
  expect(answer('html', url)).toBe(`<video src="${url}" controls></video>`)
  expect(answer('html-fenced', url)).toBe(`\`\`\`html\n<video src='${url}' controls></video>\n\`\`\``)
  expect(answer((result) => `${result.runId} ${result.url}`, url)).toBe(`run_1 ${url}`)
})

test('a query survives: as an entity in HTML, unchanged elsewhere', () => {
  const url = 'https://cdn.example/a.mp4?X-Sig=a%2Fb&copy=1'
  expect(answer('markdown', url)).toBe(`[video](${url})`)
  expect(answer('html', url)).toBe('<video src="https://cdn.example/a.mp4?X-Sig=a%2Fb&amp;copy=1" controls></video>')
  expect(answer('html-fenced', url)).toContain(`'${url}'`)
})

test('an IPv6 host keeps its brackets', () => {
  expect(answer('markdown', 'http://[::1]:8080/a[1].mp4')).toBe('[video](http://[::1]:8080/a%5B1%5D.mp4)')
})

test('what could end the markup is encoded', () => {
  const url = 'https://cdn.example/a)\'"`<script>\n\r b.mp4#`]("'
  const encoded = 'https://cdn.example/a%29%27%22%60%3Cscript%3E%20b.mp4#%60%5D%28%22'
  expect(answer('markdown', url)).toBe(`[video](${encoded})`)
  expect(answer('html-fenced', url)).toContain(`'${encoded}'`)
})

test.each(['markdown', 'html', 'html-fenced'] as const)(
  '%s makes no markup of anything but http and https',
  (format) => {
    for (const url of [
      'javascript:alert(1)',
      'data:text/html,<b>',
      '/files/a b.mp4',
      'file:///a',
      '](x)<img>',
      '\ud800\u2028',
    ]) {
      const text = answer(format, url)
      expect(text).not.toMatch(/[<>()[\]`'"\s]/)
    }
    expect(answer(format, '/files/é.mp4')).toBe('/files/é.mp4')
    expect(answer(format, '\u2028')).toBe('%E2%80%A8')
  },
)

test('no URL breaks out of its markup, and a browser would open the same one', () => {
  const url = fc.oneof(
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
    fc.string({ unit: 'binary' }).map((rest) => `https://cdn.example/${rest}`),
    fc
      .array(
        fc.constantFrom(
          "'",
          '"',
          '`',
          '<',
          '>',
          '(',
          ')',
          '[',
          ']',
          '\\',
          '&',
          '&lt;',
          '\n',
          '\r',
          '\t',
          ' ',
          '%',
          '?',
          '#',
        ),
      )
      .map((parts) => `https://cdn.example/a?${parts.join('')}`),
  )
  fc.assert(
    fc.property(url, (value) => {
      const inMarkdown = /^\[video\]\((https?:[^\s()<>[\]`'"\\]+)\)$/.exec(answer('markdown', value))?.[1]
      const inHtml = /^<video src="([^"<>\s']+)" controls><\/video>$/.exec(answer('html', value))?.[1]
      const inFence = /^```html\n<video src='([^'"<>\s`]+)' controls><\/video>\n```$/.exec(
        answer('html-fenced', value),
      )?.[1]
      expect(inMarkdown).toBeDefined()
      expect(inFence).toBe(inMarkdown)
      expect(inHtml?.replaceAll('&amp;', '&')).toBe(inMarkdown)
      expect(inHtml).not.toMatch(/&(?!amp;)/)
      expect(decoded(inMarkdown)).toBe(decoded(new URL(value).href))
    }),
    { numRuns: 500 },
  )
})

test.each([
  ['throws', () => resultWith('x').uploaded?.url.slice(0) ?? raise()],
  ['gives no text', () => undefined as unknown as string],
])('a function that %s never loses the URL', (_, format) => {
  expect(answer(format, 'https://cdn.example/a.mp4')).toBe('https://cdn.example/a.mp4')
})

test('lone surrogates are replaced', () => {
  expect(answer('url', 'https://cdn.example/\udc00')).toBe('https://cdn.example/\uFFFD')
  expect(answer(() => '\ud800', 'https://cdn.example/a.mp4')).toBe('\uFFFD')
})

// Percent-encoding of what markup reserves is all that may differ.
function decoded(url: string | undefined): string | undefined {
  return url?.replace(/%(22|27|28|29|3C|3E|5B|5C|5D|60)/gi, (code) => decodeURIComponent(code))
}

function raise(): never {
  throw new TypeError('no upload')
}
