import diagnostics from 'node:diagnostics_channel'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

beforeEach(() => {
  vi.resetModules()
})
afterEach(() => {
  vi.restoreAllMocks()
})

async function runHere(): Promise<void> {
  const { SoraPipeline } = await import('../../../src/index.js')
  const generator = { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) }
  expect(await new SoraPipeline({ generator }).generate({ prompt: 'A cat' })).toMatchObject({ servedBy: 'generator' })
  const { channels } = await import('../../../src/pipeline/tracing/channels.js')
  expect(channels()).toBeUndefined()
}

const { getBuiltinModule } = process
// The rest of the library has the other modules.
function withDiagnostics(given: () => unknown) {
  vi.spyOn(process, 'getBuiltinModule').mockImplementation(((id: string) =>
    id === 'node:diagnostics_channel' ? given() : getBuiltinModule(id)) as never)
}

it.each<[string, () => unknown]>([
  ['without the module', () => undefined],
  [
    'where the module throws',
    () => {
      throw new Error('not implemented')
    },
  ],
  ['with channels alone', () => ({ channel: diagnostics.channel })],
  ['with a part of tracing channels', () => ({ channel: diagnostics.channel, tracingChannel: () => ({}) })],
])('a runtime %s runs a pipeline, and publishes nothing', async (_, given) => {
  withDiagnostics(given)
  await runHere()
})
