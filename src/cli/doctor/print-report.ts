import { styleText } from 'node:util'
import type { CommandContext } from '../command.js'
import { printable } from '../printable.js'
import type { DoctorReport, ServiceReport, SettingsStoreReport, StoreReport } from './report.js'

/** Prints a report for a person. */
export function printReport(report: DoctorReport, { stdout }: CommandContext): void {
  const { configuration, settingsStore, store, services, promises, problems } = report
  const title = (text: string) => stdout.write(`${styleText('bold', text, { stream: stdout })}\n`)
  const row = (name: string, text: string) => stdout.write(`  ${printable(name).padEnd(28)}  ${printable(text)}\n`)

  title(`Configuration of ${printable(configuration.source)}`)
  for (const [name, value] of rowsOf(configuration.values)) row(name, value)

  if (settingsStore) {
    title('Settings')
    row(settingsStore.kind, reachText(settingsStore))
  }

  title('Store')
  const { kind, durability, runsInReview = 0 } = store
  const name = kind === 'custom' && durability ? durability.kind : kind
  row(name, `${durability?.place === undefined ? '' : `${durability.place}: `}${reachText(store)}`)
  if (runsInReview > 0) row('runs in review', `${runsInReview}; see sora-pipeline runs list --status needs-review`)

  title('Services')
  for (const service of services) row(service.stage, serviceText(service))
  if (services.length === 0) stdout.write('  none could be checked\n')

  title('Promises with this store')
  for (const { promise, holds, note } of promises) row(promise, `${HOLDS[String(holds)]}: ${note}`)

  title(problems.length === 0 ? 'No problems' : 'Problems')
  for (const problem of problems) stdout.write(`  - ${printable(problem)}\n`)
}

const HOLDS: Readonly<Record<string, string>> = { true: 'holds', false: 'does not hold', unknown: 'not known' }

function reachText({ isReached, durationMs, error }: StoreReport | SettingsStoreReport): string {
  return isReached ? `answers${inTime(durationMs)}` : `not reached: ${error}`
}

function serviceText({ strategy, url, outcome, isChecked, durationMs, error }: ServiceReport): string {
  const place = url === undefined ? strategy : `${strategy} at ${url}`
  if (outcome === 'unchecked') return `${place}: it has no check`
  if (outcome === 'failed') return `${place}: ${error}`
  return `${place}: ${isChecked ? 'passes its check' : 'answers'}${inTime(durationMs)}`
}

function inTime(durationMs: number | undefined): string {
  return durationMs === undefined ? '' : ` in ${durationMs} ms`
}

// Fields of sections as `section.field`, each on its line.
function rowsOf(values: Readonly<Record<string, unknown>>, prefix = ''): readonly (readonly [string, string])[] {
  return Object.entries(values).flatMap(([name, value]) => {
    if (value === undefined) return []
    const isSection = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isSection
      ? rowsOf(value as Readonly<Record<string, unknown>>, `${prefix}${name}.`)
      : [[`${prefix}${name}`, Array.isArray(value) ? value.join(', ') || 'none' : String(value)] as const]
  })
}
