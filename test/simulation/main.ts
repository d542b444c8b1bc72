// npm run simulate -- --seeds 100000 [--from 1]     plays many worlds and stops at the first that breaks a promise
// npm run simulate -- --seed 4323                   plays one world and prints what happens in it
import { parseArgs } from 'node:util'
import { simulate } from './simulate.ts'

const options = { seed: { type: 'string' }, seeds: { type: 'string' }, from: { type: 'string' } } as const
const { values } = parseArgs({ options })

if (values.seed !== undefined) {
  console.log(await simulate(Number(values.seed), { tell: console.log }))
} else {
  const from = Number(values.from ?? 1)
  const count = Number(values.seeds ?? 2000)
  const sum = { worlds: 0, crashes: 0, closes: 0, outages: 0, creates: 0, completed: 0, inReview: 0 }
  for (let seed = from; seed < from + count; seed += 1) {
    const { violations, ...report } = await simulate(seed)
    if (violations.length > 0) {
      console.error(`seed ${seed}: ${violations.join('; ')}`)
      process.exitCode = 1
      break
    }
    sum.worlds += 1
    for (const key of ['crashes', 'closes', 'outages', 'creates', 'completed', 'inReview'] as const)
      sum[key] += report[key]
    if (seed % 1000 === 0) console.log(`${seed - from + 1} worlds`)
  }
  console.log(JSON.stringify(sum))
}
