import type { CellReport } from './cell.ts'
import { KNOWN, type KnownCell } from './known.ts'

// The rows of the catalogue, by what they are about; each group ends with its number.
const GROUPS: readonly (readonly [number, string])[] = [
  [4, 'no connection (refused, no name, TLS)'],
  [12, 'broken off, hanging, cut'],
  [22, 'unreadable, mislabelled, not HTTP'],
  [26, 'redirects'],
  [35, 'refusals, server errors, errors under 200'],
  [42, 'what is said of a job'],
  [48, 'what is given out as the video'],
  [57, 'prompts and clocks'],
  [62, 'callbacks, aborts, stores'],
  [71, 'answers in the words of their servers'],
]

const STAGES = ['create', 'poll', 'download', 'probe', 'source', 'target', 'publish', 'find', 'chat', 'model'] as const

/** The meanings of the words of the table. */
const LEGEND: Readonly<Record<string, string>> = {
  accepted: 'one create, understood',
  'next: …': 'nothing was accepted: one create at the next generator, the run completed',
  retried: 'requested once more from the start, completed',
  'sent again': 'the same submission once more, under its key or in the other encoding; the upstream has one job',
  review: 'one create, in review with SubmissionUnknownError; no repeat, no other generator',
  'ends: …': 'failed with that code; with the handle where a job exists',
  read: 'the poll was understood',
  missed: 'one poll less and a warning; one create, completed',
  'in time': 'StageTimeoutError with the handle at the deadline of the stage; one create',
  next: 'the upstream gave the job up; the next generator was called',
  whole: 'the stored file is the video, byte by byte',
  resumed: 'resumed at the last good byte; the stored file is the video, byte by byte',
  replaced: 'the generated video was uploaded in place of the mirror, with a warning',
  'polled again':
    'the job was polled once more for the address of its video; the stored file is the video, byte by byte',
  'no copy': 'NoUsableUrlError with the handle and the source: the video is only behind the key',
  found: 'the job of the list was taken, one create',
  completed: 'the video that the chat names',
  proven: 'the mirror serves the video',
  'next mirror': 'the next mirror serves it, not degraded',
  'own url': "completed with the generator's own URL, degraded",
  'mirror url': "completed with the mirror's URL, degraded",
  continues: "completed without that stage, with the generator's own URL, degraded",
}

/** Whether a cell came out as expected, with nothing that must never be. */
export function hasPassed({ outcome, expected, problems }: CellReport): boolean {
  return outcome === expected && problems.length === 0
}

/** The entry of the known cells for a cell. */
export function knownOf({ fault, stage }: Pick<CellReport, 'fault' | 'stage'>): KnownCell | undefined {
  return KNOWN.find((known) => known.fault === fault && known.stage === stage)
}

/** The table of every cell, the meaning of its words, the counts, and a summary line, as Markdown. */
export function toMarkdown(reports: readonly CellReport[]): string {
  const rows = reports.map((report) => {
    const { row, fault, stage, outcome, expected, problems } = report
    const wrong = hasPassed(report) ? '' : ` (expected: ${[expected, ...problems].join('; ')})`
    return `| ${row} | ${inCell(fault)} | ${stage} | ${inCell(outcome + wrong)} |`
  })
  const words = Object.entries(LEGEND).map(([word, meaning]) => `| ${word} | ${meaning} |`)
  return [
    '| no. | fault | stage | what happened |',
    '| ---: | --- | --- | --- |',
    ...rows,
    '',
    '| word | meaning |',
    '| --- | --- |',
    ...words,
    '',
    counts(reports),
    '',
    summary(reports),
  ].join('\n')
}

/** How many cells passed, by group and stage. */
function counts(reports: readonly CellReport[]): string {
  const passed = reports.filter(hasPassed)
  const lines = GROUPS.map(([last, name], index) => {
    const first = GROUPS[index - 1]?.[0] ?? 0
    const group = passed.filter(({ row }) => row > first && row <= last)
    const cells = STAGES.map((stage) => group.filter((one) => one.stage.split('-')[0] === stage).length)
    return `| ${[name, ...cells.map((count) => (count === 0 ? '' : String(count))), group.length].join(' | ')} |`
  })
  return [
    `| faults | ${STAGES.join(' | ')} | cells |`,
    `| --- | ${STAGES.map(() => '---: | ').join('')}---: |`,
    ...lines,
  ].join('\n')
}

function summary(reports: readonly CellReport[]): string {
  const passed = reports.filter(hasPassed).length
  const faults = new Set(reports.map(({ fault }) => fault)).size
  const known = reports.filter((report) => knownOf(report) !== undefined).length
  const seconds = Math.max(...reports.map(({ realMs }) => realMs)) / 1000
  return `${faults} faults, ${reports.length} cells, ${passed} passed, ${known} known not to; slowest ${seconds.toFixed(1)} s`
}

function inCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ')
}
