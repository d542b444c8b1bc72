import { type Clock, SoraPipeline } from 'sora-pipeline'

/** The clock that a pipeline gives its strategies: what waits cost is part of a measurement. */
export async function pipelineClock(): Promise<Clock> {
  const { promise, resolve } = Promise.withResolvers<Clock>()
  const pipeline = new SoraPipeline({
    generator: {
      name: 'mock',
      generate: async (_, { clock }) => {
        resolve(clock)
        return { id: 'gen_1', url: 'https://cdn.example/a.mp4' }
      },
    },
  })
  await pipeline.generate({ prompt: 'A cat playing piano' })
  return promise
}
