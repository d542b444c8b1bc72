export type { SoraPipeline } from '../pipeline/sora-pipeline.js'
export { type Instrumentation, type InstrumentOptions, instrument } from './instrument.js'
