import fc from 'fast-check'

// Properties are tried with the same examples in every run of the suite, so that it passes or fails by the code alone.
// `PROPERTY_SEED=random npm test` tries others, and a failure prints the seed that repeats it.
const { PROPERTY_SEED = '20260924' } = process.env
if (PROPERTY_SEED !== 'random') fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(PROPERTY_SEED) })
