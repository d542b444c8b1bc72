import { expect, test } from 'vitest'
import * as aiSdk from '../../src/ai-sdk/index.js'
import * as http from '../../src/http/index.js'
import * as core from '../../src/index.js'
import * as jobs from '../../src/jobs/index.js'
import * as otel from '../../src/otel/index.js'
import * as sandbox from '../../src/sandbox/index.js'
import * as settings from '../../src/settings/index.js'
import * as stores from '../../src/stores/index.js'
import * as strategies from '../../src/strategies/index.js'
import * as testing from '../../src/testing/index.js'
import { SUBJECTS, type Subject } from './subjects.js'

interface Mistake {
  readonly subject: string
  readonly given: unknown
  /** The field in the message. */
  readonly field: string
  /** The fix in the message. */
  readonly fix: RegExp
}

/** Ways to mistype a name, none of which is another name. */
function typosOf(name: string): readonly string[] {
  const middle = Math.floor(name.length / 2)
  return [
    name.slice(0, middle) + name.slice(middle + 1),
    name.slice(0, middle) + name.charAt(middle) + name.slice(middle),
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
  ].filter((typo) => typo !== name)
}

const escaped = (text: string) => text.replaceAll(/[.[\]()]/g, '\\$&')

const MISTAKES: readonly Mistake[] = Object.entries(SUBJECTS).flatMap(([subject, { right, others }]) => {
  const names = [...Object.keys(right), ...others]
  const typos = names.flatMap((name) =>
    typosOf(name)
      .filter((typo) => !names.includes(typo))
      .map((typo) => ({ name, typo })),
  )
  return [
    ...typos.map(({ name, typo }) => ({
      subject,
      given: { ...right, [typo]: Object(right)[name] },
      field: typo,
      fix: new RegExp(`${escaped(typo)} is unknown, did you mean ${name}\\?`),
    })),
    ...names.map((field) => ({ subject, given: { ...right, [field]: null }, field, fix: /\(.+\)/ })),
    ...[5, 'text', null, [], () => 1].map((given) => ({ subject, given, field: 'give', fix: /give an object/ })),
  ]
})

async function thrownBy({ call }: Subject, given: unknown): Promise<unknown> {
  try {
    await call(given)
  } catch (error) {
    return error
  }
  return undefined
}

test('at least 300 mistakes are tried', () => {
  expect(MISTAKES.length).toBeGreaterThanOrEqual(300)
})

test.each(Object.keys(SUBJECTS))('each mistake with %s is named, with what to give', async (subject) => {
  const silent: unknown[] = []
  for (const mistake of MISTAKES.filter((one) => one.subject === subject)) {
    const error = await thrownBy(SUBJECTS[subject] as Subject, mistake.given)
    const isTyped = error instanceof core.ConfigurationError || error instanceof core.InvalidRequestError
    const message = isTyped ? error.message : ''
    if (!message.includes(mistake.field) || !mistake.fix.test(message)) silent.push({ ...mistake, error })
  }
  expect(silent).toEqual([])
})

// They take values, not options.
const WITHOUT_OPTIONS = [
  ...['isSoraPipelineError', 'toOpenAiError', 'isRetainedAt', 'retainedRun', 'sendNodeResponse', 'settingsFromEnv'],
  ...['neverReply', 'replyRaw', 'resetConnection', 'gzipBomb', 'toMermaid'],
]

test('every exported function that takes options is tried', () => {
  const exported = Object.entries({
    ...core,
    ...http,
    ...otel,
    ...jobs,
    ...sandbox,
    ...settings,
    ...stores,
    ...strategies,
    ...testing,
    ...aiSdk,
  })
  const functions = exported.filter(([name, value]) => typeof value === 'function' && !name.endsWith('Error'))
  const untried = functions
    .map(([name]) => name)
    .filter((name) => !(name in SUBJECTS) && !WITHOUT_OPTIONS.includes(name))
  expect(untried).toEqual([])
})
