import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { GeneratedVideo, OneShotGenerator, TaskGenerator, TaskStatus } from '../../../src/contracts/generator.js'
import { mayHaveBeenAccepted } from '../../../src/contracts/submission.js'
import { ROOT } from '../../repository/source-files.js'
import { loopbackServer } from '../../upstream/loopback-server.js'
import { stageContext } from '../../upstream/stage-context.js'

/** An answer of a server, and what is right; test/fixtures/answers has one in each line. */
export interface AnswerCase {
  readonly note: string
  /** Of the Videos API: what is answered. `poll4` is the same answer to four polls. */
  readonly phase?: 'create' | 'poll' | 'poll4'
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** A text unchanged, an object as JSON, `base64` as those bytes; `ORIGIN` is the server's own origin. */
  readonly body: unknown
  readonly want: Readonly<Record<string, unknown>>
}

/** What a generator made of an answer, in the words of `want`. */
export type Reading = Record<string, unknown>

export function answerCases(name: 'videos-api' | 'chat-completions'): readonly AnswerCase[] {
  const lines = readFileSync(join(ROOT, `test/fixtures/answers/${name}.jsonl`), 'utf8')
    .trim()
    .split('\n')
  return lines.map((line) => JSON.parse(line) as AnswerCase)
}

/** A server that gives the same answer to every request. */
export async function answering({ status, headers = {}, body }: AnswerCase): Promise<string> {
  const server = await loopbackServer((_, response) => {
    const bytes = bytesOf(body, server.origin)
    const type = typeof body === 'string' ? {} : { 'content-type': 'application/json' }
    const own = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replaceAll('ORIGIN', server.origin)]),
    )
    response.writeHead(status, { ...type, ...own }).end(bytes)
  })
  return server.origin
}

function bytesOf(body: unknown, origin: string): Buffer {
  if (typeof body === 'object' && body !== null && 'base64' in body) return Buffer.from(String(body.base64), 'base64')
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return Buffer.from(text.replaceAll('ORIGIN', origin))
}

/** Submits, and returns what is known then. */
export async function readStart(generator: TaskGenerator<{ id: string }>): Promise<Reading> {
  try {
    const { operation, status } = await generator.start({ prompt: 'A cat' }, stageContext())
    return { id: operation.id, ...(status && readingOf(status)) }
  } catch (error) {
    return failureOf(error)
  }
}

/** Polls so many times, and returns what is known then. */
export async function readPolls(generator: TaskGenerator<{ id: string }>, times: number): Promise<Reading> {
  let reading: Reading = {}
  for (let time = 0; time < times; time += 1) {
    try {
      reading = readingOf(await generator.poll({ id: 'x' }, stageContext()))
    } catch (error) {
      reading = failureOf(error)
    }
  }
  return reading
}

/** Generates in one call, and returns the outcome. */
export async function readCall(generator: OneShotGenerator): Promise<Reading> {
  try {
    return videoOf(await generator.generate({ prompt: 'A cat' }, stageContext()))
  } catch (error) {
    return failureOf(error)
  }
}

function readingOf(status: TaskStatus): Reading {
  switch (status.state) {
    case 'completed':
      return { state: 'completed', ...videoOf(status.video) }
    case 'failed':
      return { state: 'failed', ...failureOf(status.error) }
    default:
      return { state: status.state, ...(status.ratio !== undefined && { ratio: status.ratio }) }
  }
}

function videoOf({ url, source }: GeneratedVideo): Reading {
  if (url !== undefined) return { url }
  return { source: source?.url === undefined ? 'the bytes inside the answer' : 'behind the key' }
}

function failureOf(error: unknown): Reading {
  const { code, message } = Object(error) as { readonly code?: string; readonly message?: string }
  return { error: code, refused: !mayHaveBeenAccepted(error), message }
}

/** What a reading lacks of what is right; `undefined` when it lacks nothing. */
export function misreading(reading: Reading, want: AnswerCase['want'], origin: string): unknown {
  for (const [key, value] of Object.entries(want)) {
    const expected = typeof value === 'string' ? value.replaceAll('ORIGIN', origin) : value
    const given = reading[key]
    if (key === 'error' && expected === '*' && given !== undefined) continue
    if (key === 'state' && expected === 'running' && given === 'queued') continue
    const pattern = key === 'message' ? /^\/(.*)\/$/.exec(String(expected))?.[1] : undefined
    if (pattern !== undefined && new RegExp(pattern).test(String(given))) continue
    if (given !== expected) return { key, expected, reading }
  }
  return undefined
}
