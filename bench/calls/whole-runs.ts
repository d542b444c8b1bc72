import { SoraPipeline } from 'sora-pipeline'
import { type CallCount, costOfCalls } from './cost-of-calls.ts'

/** A run of each kind on strategies of one line, from the request to the URL. */
export function measure(count: CallCount) {
  const video = { id: 'gen_1', url: 'https://cdn.example/a.mp4' }
  const short = new SoraPipeline({ generator: { name: 'mock', generate: async () => video } })
  const long = new SoraPipeline({
    generator: { name: 'mock', generate: async () => video },
    publisher: { name: 'mock', publish: async () => ({ id: 'post_1', url: 'https://posts.example/1' }) },
    resolver: { name: 'mock', resolve: async () => ({ url: 'https://cdn.example/b.mp4' }) },
    uploader: { name: 'mock', upload: async () => ({ url: 'https://store.example/a.mp4' }) },
  })
  const request = { prompt: 'A cat playing piano' }
  return costOfCalls(
    { generator: () => short.generate(request), 'all four stages': () => long.generate(request) },
    count,
  )
}
