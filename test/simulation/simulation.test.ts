import { expect, it } from 'vitest'
import { simulate } from './simulate.ts'

const SEEDS = Number(process.env.SIMULATION_SEEDS ?? 300)

it(`keeps every promise in ${SEEDS} worlds of workers that crash, pause, close and change`, async () => {
  const sum = { worlds: 0, crashes: 0, closes: 0, outages: 0, creates: 0, completed: 0, inReview: 0 }
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { violations, ...report } = await simulate(seed)
    expect(violations, `npm run simulate -- --seed ${seed}`).toEqual([])
    sum.worlds += 1
    for (const key of ['crashes', 'closes', 'outages', 'creates', 'completed', 'inReview'] as const)
      sum[key] += report[key]
  }
  console.log(`simulation: ${JSON.stringify(sum)}`)
  expect(sum.crashes).toBeGreaterThan(SEEDS / 10)
  expect(sum.closes).toBeGreaterThan(SEEDS / 10)
  expect(sum.outages).toBeGreaterThan(SEEDS / 20)
  expect(sum.completed).toBeGreaterThan(SEEDS)
}, 600_000)

it('detects an upstream that does not honour the keys it accepts', async () => {
  const reports = await Promise.all(
    Array.from({ length: 10 }, (_, index) => simulate(index + 1, { lookups: ['false-key'] })),
  )
  expect(reports.flatMap(({ violations }) => violations).join()).toMatch(/was paid \d times:/)
})

it('plays the same world for the same seed', async () => {
  expect(await simulate(7)).toEqual(await simulate(7))
})
