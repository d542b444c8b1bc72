import type { PipelineEvent } from '../../src/contracts/events.js'
import type { PipelineResultJson } from '../../src/contracts/result.js'
import type { StageName } from '../../src/contracts/stage.js'

const STAGES: readonly StageName[] = ['generate', 'publish', 'resolve', 'upload']

/** An event without what every event has. */
export type BareEvent = PipelineEvent extends infer Event
  ? Event extends PipelineEvent
    ? Omit<Event, 'runId' | 'sequence' | 'at'> & { readonly at?: number }
    : never
  : never

/** Events with their run, numbers and times filled in. */
export function numbered(events: readonly BareEvent[]): PipelineEvent[] {
  return events.map(
    (event, sequence) => ({ runId: 'run_1', sequence, at: 1_000 * sequence, ...event }) as PipelineEvent,
  )
}

/** A result with a URL. */
export function resultWith(url: string, more: Partial<PipelineResultJson> = {}): PipelineResultJson {
  return {
    runId: 'run_1',
    url,
    servedBy: 'uploader',
    video: { id: 'gen_1', url: 'https://videos.example/raw' },
    attempts: [],
    isDegraded: false,
    warnings: [],
    durationMs: 90_000,
    ...more,
  }
}

/** A run through all four stages in which nothing special happens. */
export function smoothRun(url: string, extras: readonly BareEvent[] = []): PipelineEvent[] {
  const stage = (name: StageName, strategy: string, label?: string): BareEvent[] => [
    { type: 'stage-started', stage: name, strategy, ...(label !== undefined && { label }) },
    ...extras.filter((extra) => 'stage' in extra && extra.stage === name),
    { type: 'stage-completed', stage: name, strategy, durationMs: 10, ...(label !== undefined && { label }) },
  ]
  return numbered([
    { type: 'run-started', stages: STAGES },
    ...stage('generate', 'mock-generator'),
    ...stage('publish', 'mock-publisher'),
    ...stage('resolve', 'mirror'),
    ...stage('upload', 'google-drive', 'Google Drive'),
    { type: 'run-completed', result: resultWith(url) },
  ])
}

/** Events as they come from somewhere else: one after the other, each in its own turn. */
export async function* arriving(events: Iterable<PipelineEvent>): AsyncGenerator<PipelineEvent> {
  yield* events
}

/** Everything that an iterable gives. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = []
  for await (const item of items) collected.push(item)
  return collected
}
