import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { METRICS } from '../../src/otel/metric-names.js'

interface Dashboard {
  readonly panels: readonly {
    readonly id: number
    readonly title: string
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
    readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[]
  }[]
}

const { panels } = JSON.parse(
  readFileSync(new URL('../../examples/observability/grafana-dashboard.json', import.meta.url), 'utf8'),
) as Dashboard
const expressions = panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))

const GAUGES: readonly string[] = [METRICS.runsInReview.name, METRICS.oldestDueAge.name, METRICS.heartbeatAge.name]
const UNITS: Readonly<Record<string, string>> = { s: '_seconds', By: '_bytes' }

/** The series of a metric in Prometheus, by the rules of OpenTelemetry: units as words, `_total` of counters. */
function seriesOf({ name, unit }: (typeof METRICS)[keyof typeof METRICS]): readonly string[] {
  const base = `${name.replaceAll('.', '_')}${UNITS[unit] ?? ''}`
  if (name === METRICS.operationDuration.name) return [`${base}_bucket`, `${base}_count`]
  return [GAUGES.includes(name) ? base : `${base}_total`]
}

it('the dashboard uses exactly the metrics that are reported', () => {
  const unlabelled = expressions.map((expr) => expr.replaceAll(/by \([^)]*\)/g, ''))
  const used = unlabelled.flatMap((expr) => expr.match(/\b(?:sora_pipeline|gen_ai)_\w+(?=[[{)])/g) ?? [])
  expect([...new Set(used)].sort()).toEqual(Object.values(METRICS).flatMap(seriesOf).sort())
})

it('each label of a legend is one that the query keeps', () => {
  for (const { targets } of panels) {
    for (const { expr, legendFormat } of targets) {
      const kept = /by \(([^)]*)\)/.exec(expr)?.[1]?.split(', ') ?? []
      const shown = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, name = '']) => name)
      expect(shown.filter((name) => !kept.includes(name))).toEqual([])
    }
  }
})

it('the panels have their own ids and places', () => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
    Array.from({ length: w * h }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
  )
  expect(new Set(cells).size).toBe(cells.length)
})
