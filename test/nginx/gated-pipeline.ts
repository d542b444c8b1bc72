import { SoraPipeline } from '../../src/index.js'
import { fakeGenerator, fakePublisher, fakeResolver, fakeUploader } from '../../src/testing/index.js'

/** A pipeline whose four stages end when the test ends them. */
export interface GatedPipeline {
  readonly pipeline: SoraPipeline
  /** Ends the next stage, from the first on. */
  readonly endStage: () => void
}

export const RESULT_URL = 'https://drive.example/a.mp4'

/** Makes a gated pipeline, for one run. */
export function gatedPipeline(): GatedPipeline {
  const closed: (() => void)[] = []
  const after = <T extends object>(result: T) => {
    const { promise, resolve } = Promise.withResolvers<T>()
    closed.push(() => resolve(result))
    return () => promise
  }
  const pipeline = new SoraPipeline({
    generator: fakeGenerator({ outcome: after({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) }),
    publisher: fakePublisher({ outcome: after({ id: 'post_1' }) }),
    resolver: fakeResolver({ outcome: after({ url: 'https://mirror.example/a.mp4' }) }),
    uploader: fakeUploader({ outcome: after({ url: RESULT_URL }) }),
  })
  return { pipeline, endStage: () => closed.shift()?.() }
}
