import { simulate } from './test/simulation/simulate.ts'
let n = 0
for (let seed = 1; seed <= 1000 && n < 6; seed += 1) { try { const { violations } = await simulate(seed); if (violations.length) { n++; console.log(seed, violations) } } catch (e) { console.log('seed', seed, (e as Error).message); n++ } }
