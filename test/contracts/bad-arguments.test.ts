import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { isSoraPipelineError, SoraPipeline } from '../../src/index.js'

const SRC = new URL('../../src/', import.meta.url)
const PATHS = ['', ...readdirSync(SRC).map((name) => `${name}/`)]
  .map((folder) => `${folder}index.ts`)
  .filter((path) => existsSync(new URL(path, SRC)))
const ENTRIES: Readonly<Record<string, Readonly<Record<string, unknown>>>> = Object.fromEntries(
  await Promise.all(PATHS.map(async (path) => [path, await import(fileURLToPath(new URL(path, SRC)))])),
)
const VALUES = [null, undefined, 5, {}, ''] as const
const ARGUMENTS: readonly (readonly unknown[])[] = [
  [],
  ...VALUES.map((value) => [value]),
  ...VALUES.flatMap((value) => [
    [value, 5],
    [{}, value],
  ]),
]
// Starts real servers when it is called with an object or without options.
const STARTS_SERVERS = 'startSandbox'

type Call = (...given: readonly unknown[]) => unknown
type Outcome = { readonly close?: () => unknown; readonly result?: Promise<unknown>; readonly cancel?: () => unknown }

const functions = Object.entries(ENTRIES).flatMap(([path, exported]) =>
  Object.entries(exported).flatMap(([name, value]): readonly (readonly [string, Call])[] => {
    if (!isCall(value)) return []
    const entry = path.replace(/\/?index\.ts$/, '') || 'sora-pipeline'
    const title = `${name} of ${entry}`
    if (Object.is(value, SoraPipeline)) return [[title, (...given) => Reflect.construct(SoraPipeline, given)]]
    // The errors are classes, and take any message.
    return /^class\b/.test(Function.prototype.toString.call(value)) ? [] : [[title, value]]
  }),
)

function isCall(value: unknown): value is Call {
  return typeof value === 'function'
}

/** What a call with wrong arguments throws, at once, when it is awaited, or at the first step of its iteration. */
async function thrownBy(call: Call, given: readonly unknown[]): Promise<unknown> {
  try {
    const made = await within(call(...given))
    if (Object(made) !== made) return undefined
    const { close, result, cancel } = made as Outcome
    result?.catch(() => undefined)
    const steps = (made as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator]?.call(made)
    await within(steps?.next())
    if (typeof cancel === 'function') await within(Promise.resolve(cancel.call(made)).catch(() => undefined))
    if (typeof close === 'function') await within(Promise.resolve(close.call(made)).catch(() => undefined))
  } catch (error) {
    return { error }
  }
  return undefined
}

// A wrong argument may also make a promise wait.
function within(made: unknown): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => resolve(undefined), 50)
  return Promise.race([Promise.resolve(made), promise]).finally(() => clearTimeout(timer))
}

describe('every exported function refuses wrong arguments with an error of the library', () => {
  test('that is found in every entry point', () => {
    expect(Object.keys(ENTRIES).length).toBeGreaterThanOrEqual(10)
    expect(functions.length).toBeGreaterThan(80)
  })

  test.each(functions)(
    '%s',
    async (title, call) => {
      const raw: string[] = []
      for (const given of ARGUMENTS) {
        if (title.startsWith(STARTS_SERVERS) && Object(given[0] ?? {}) === (given[0] ?? {})) continue
        const thrown = await thrownBy(call, given)
        const { error } = (thrown ?? {}) as { error?: unknown }
        if (thrown === undefined || isSoraPipelineError(error)) continue
        raw.push(`(${given.map((value) => JSON.stringify(value) ?? 'undefined').join(', ')}): ${String(error)}`)
      }
      expect(raw).toEqual([])
    },
    30_000,
  )
})

test.each([
  ['followRun', [null, 'run_1'], /followRun: store is null \(give the store/],
  ['toSse', [5], /toSse: chunks is 5 \(give chunks, such as toChatCompletionChunks\(run\)\)/],
  ['toEventStream', [{}], /toEventStream: run is .*\(give a run, such as that of pipeline\.run/],
  ['toChatCompletionChunks', [null], /toChatCompletionChunks: run is null \(give a run/],
  ['toChatCompletion', [null], /toChatCompletion: run is null \(give a run, .*or its result\)/],
  ['retainedRun', [null], /retainedRun: state is null \(give the state of a run/],
  ['isRetainedAt', [null, 5], /isRetainedAt: state is null/],
  ['isRetainedAt', [{ id: 'run_1' }, '5'], /isRetainedAt: now is .*\(give epoch milliseconds\)/],
])('%s names the argument and the fix: %j', async (name, given, message) => {
  const call = ENTRIES['index.ts']?.[name] as Call
  const { error } = ((await thrownBy(call, given)) ?? {}) as { error?: unknown }
  expect(error).toMatchObject({ code: 'configuration-invalid', message: expect.stringMatching(message) })
})
