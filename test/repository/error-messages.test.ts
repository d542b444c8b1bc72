import { expect, test } from 'vitest'
import { type SourceFile, typeScriptFiles, withoutComments } from './source-files.js'

test('messages have the failed action, a colon, the value; sentence case, no full stop', () => {
  expect(typeScriptFiles('src').flatMap(messageProblems)).toEqual([])
})

test('the messages are found', () => {
  const count = typeScriptFiles('src').flatMap(({ text }) => messagesOf(text)).length
  expect(count).toBeGreaterThan(10)
})

test.each([
  ["new NetworkError('could not connect')", 'begin with a capital letter'],
  ["new NetworkError('Could not connect.')", 'leave out the mark at the end'],
  ["new TypeError(\n  'Could not connect!',\n)", 'leave out the mark at the end'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the code under test has the template
  ['new NetworkError(`Could not connect to ${host}`, { status })', 'put the value after a colon'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the code under test has the template
  ['new RangeError(`Could not take ${a ? `the ${b}` : "x"}`)', 'put the value after a colon'],
])('a message against the grammar is found: %s', (text, fix) => {
  expect(messageProblems({ path: 'a.ts', text })).toEqual([expect.stringContaining(fix)])
})

test.each([
  "new NetworkError('Could not connect')",
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the code under test has the template
  'new NetworkError(`Could not connect: ${host}`)',
  "new ConfigurationError('s3Uploader', problems)",
  "// new NetworkError('a comment')",
])('a message of the grammar is left alone: %s', (text) => {
  expect(messageProblems({ path: 'a.ts', text })).toEqual([])
})

function messageProblems({ path, text }: SourceFile): readonly string[] {
  return messagesOf(text).flatMap((message) => {
    const fixes: string[] = []
    if (!/^\p{Lu}/u.test(message)) fixes.push('begin with a capital letter')
    if (/[.!?]$/.test(message)) fixes.push('leave out the mark at the end')
    if (message.includes('{value}') && !/: /.test(message)) fixes.push('put the value after a colon')
    return fixes.map((fix) => `src/${path}: ${fix}: ${message}`)
  })
}

// The first argument of a ConfigurationError is what could not be configured; the class makes the message.
function messagesOf(text: string): readonly string[] {
  const code = withoutComments(text)
  return [...code.matchAll(/\bnew (?!ConfigurationError)\w*Error\(\s*(?=['`])/g)].map((match) =>
    literalAt(code, match.index + match[0].length),
  )
}

/** The text between a quote and the one that closes it; a value in a template becomes `{value}`. */
function literalAt(code: string, start: number): string {
  let text = ''
  let depth = 0
  for (let at = start + 1; at < code.length; at += 1) {
    const isEnd = code[at] === code[start] && depth === 0
    if (isEnd) return text
    if (code[start] === '`' && code.startsWith('${', at)) {
      depth += 1
      if (depth === 1) text += '{value}'
      at += 1
    } else if (depth > 0) depth -= code[at] === '}' ? 1 : 0
    else text += code[at]
  }
  return text
}
