import type { ConformanceTest } from '../../../src/testing/index.js'

/** Runs a suite with a runner that collects: what each case that failed said, by the name of the case. */
export async function failedCases(register: (test: ConformanceTest) => void): Promise<ReadonlyMap<string, string>> {
  const cases: { readonly name: string; readonly run: () => Promise<void> }[] = []
  register((name, run) => cases.push({ name, run }))
  const failed = new Map<string, string>()
  for (const { name, run } of cases) {
    // A failed case is what this function is about: it is kept with its message.
    await run().catch((error: unknown) => failed.set(name, String(error)))
  }
  return failed
}
