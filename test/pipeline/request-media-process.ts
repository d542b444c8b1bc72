import { memoryStore, SoraPipeline, type VideoRequest } from '../../src/index.js'

// Runs that each bring their own media, all at once; prints what that took as JSON.
const [form = 'bytes', count = '31', megabytes = '24'] = process.argv.slice(2)
const [runs, byteLength] = [Number(count), Number(megabytes) * 1_000_000]

function requestOf(index: number): VideoRequest {
  const bytes = Buffer.alloc(byteLength, `run ${index} `)
  const image =
    form === 'bytes' ? { bytes, mediaType: 'image/png' } : `data:image/png;base64,${bytes.toString('base64')}`
  return { prompt: `A cat, number ${index}`, image }
}

let begun = 0
let begin: () => void = () => undefined
const allBegun = new Promise<void>((resolve) => {
  begin = resolve
})
let peak = 0
const seen = new Set<number>()
const store = memoryStore()
let savedBytes = 0
const { create, save } = store
store.create = (id, state) => {
  savedBytes += JSON.stringify(state).length
  return create(id, state)
}
store.save = (id, version, state) => {
  savedBytes += JSON.stringify(state).length
  return save(id, version, state)
}

const pipeline = new SoraPipeline({
  store,
  generator: {
    name: 'slow',
    start: async ({ prompt, image }) => {
      const bytes = typeof image === 'string' ? Buffer.from(image.split(',')[1] ?? '', 'base64') : image?.bytes
      if (bytes?.length === byteLength) seen.add(Number(prompt.split(' ').at(-1)))
      begun += 1
      if (begun === runs) begin()
      await allBegun
      peak = Math.max(peak, process.memoryUsage.rss())
      return { operation: prompt }
    },
    poll: async (operation) => {
      peak = Math.max(peak, process.memoryUsage.rss())
      return { state: 'completed', video: { id: String(operation), url: 'https://cdn.example/a.mp4' } }
    },
  },
  pollSchedule: () => 100,
})
const results = await Promise.all(Array.from({ length: runs }, (_, index) => pipeline.generate(requestOf(index))))
console.log(JSON.stringify({ completed: results.length, seen: seen.size, savedBytes, peakMb: Math.round(peak / 1e6) }))
