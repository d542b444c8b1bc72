import { paceSchedule, SoraPipeline } from 'sora-pipeline'
import { videosApiGenerator } from 'sora-pipeline/strategies'
import { type MakeVideo, TIME_SCALE } from './workload.ts'

/** This library with its default schedule, at the time scale of the workload. */
export function createClient(origin: string): MakeVideo {
  const pipeline = new SoraPipeline({
    generator: videosApiGenerator({ baseUrl: `${origin}/v1`, apiKey: 'bench-key' }),
    pollSchedule: paceSchedule({
      firstMs: 3000 / TIME_SCALE,
      floorMs: 700 / TIME_SCALE,
      ceilMs: 10_000 / TIME_SCALE,
      blindMs: 5000 / TIME_SCALE,
    }),
  })
  return (prompt) => pipeline.generate({ prompt, durationSeconds: 8, size: '1280x720' })
}
