import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'

// A part of all mutants, chosen by their places: the same ones with the same seed.

/** Has the runner leave out the mutants that a sample does not have. */
export async function sampleMutants({ part, seed }) {
  const core = createRequire(import.meta.url).resolve('@stryker-mutator/core/package.json')
  const instrumenter = dirname(createRequire(core).resolve('@stryker-mutator/instrumenter/package.json'))
  const collector = join(instrumenter, 'dist/src/transformers/mutant-collector.js')
  const { MutantCollector } = await import(pathToFileURL(collector).href)
  const { collect } = MutantCollector.prototype
  MutantCollector.prototype.collect = function (file, original, mutable, offset) {
    const { start, end } = original
    const place = [seed, relative(process.cwd(), file), start, end, mutable.mutatorName, this.mutants.length].join(' ')
    const isIn = createHash('sha256').update(place).digest().readUInt32BE() / 2 ** 32 < part
    const ignoreReason = mutable.ignoreReason ?? (isIn ? undefined : 'not in the sample')
    return collect.call(this, file, original, { ...mutable, ignoreReason }, offset)
  }
}
