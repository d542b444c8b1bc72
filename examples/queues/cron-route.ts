// Runs without any queue or process that stays: a route of Next.js, a worker or a function that a scheduler calls, such as once a
// minute. Each call advances the runs that are due, for as long as it may.
import type { SoraPipeline } from 'sora-pipeline'

/** The route: `export const GET = cronRoute(pipeline, String(process.env.CRON_SECRET))`. New runs: `await pipeline.create(request)`. */
export function cronRoute(pipeline: SoraPipeline, secret: string, timeLimitMs = 50_000) {
  return async (request: Request): Promise<Response> => {
    if (request.headers.get('authorization') !== `Bearer ${secret}`) return new Response(null, { status: 401 })
    const endsAt = Date.now() + timeLimitMs
    let steps = 0
    while (Date.now() < endsAt) {
      const ids = await pipeline.due(50)
      // One that fails, such as of a generator that is missing here, must not stop the others.
      const ended = await Promise.allSettled(ids.map((id) => pipeline.advance(id)))
      for (const end of ended) if (end.status === 'rejected') console.error(end.reason)
      steps += ids.length
      if (ids.length === 0) await new Promise((resolve) => setTimeout(resolve, 500))
    }
    return Response.json({ steps })
  }
}
