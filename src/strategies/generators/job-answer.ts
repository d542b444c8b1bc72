import * as z from 'zod/mini'

// Servers leave out what they do not know, write null, or another type than last year: a field that cannot be read is absent.
const text = z.catch(z.optional(z.string()), undefined)
const id = z.catch(
  z.optional(z.union([z.string().check(z.minLength(1)), z.pipe(z.number(), z.transform(String))])),
  undefined,
)
const numeric = z.catch(z.optional(z.coerce.number().check(z.positive())), undefined)

/** What a server of the `/v1/videos` family answers about a job, as far as it can be read; everything else is kept. */
export const JobAnswer = z.looseObject({
  id,
  task_id: id,
  request_id: id,
  object: text,
  status: text,
  model: text,
  size: text,
  seconds: numeric,
  duration: numeric,
  width: numeric,
  height: numeric,
  polling_url: text,
  poll_url: text,
  status_url: text,
  expires_at: z.catch(z.optional(z.union([z.number(), z.string()])), undefined),
  usage: z.catch(z.optional(z.record(z.string(), z.json())), undefined),
})

/** A {@link JobAnswer} as it was read. */
export type JobAnswer = z.output<typeof JobAnswer>

/** The job's id, under whichever of its names. */
export function jobIdOf(answer: JobAnswer): string | undefined {
  return answer.id ?? answer.task_id ?? answer.request_id
}

/** An instant as epoch milliseconds, from seconds, milliseconds or a date; `undefined` for anything else. */
export function instantOf(value: unknown): number | undefined {
  const instant = typeof value === 'string' ? (/^\d+$/.test(value) ? Number(value) : Date.parse(value)) : value
  if (typeof instant !== 'number' || !Number.isFinite(instant) || instant <= 0) return undefined
  // Nobody serves a video until the year 33658: what is so large counts milliseconds.
  return typeof value === 'string' && !/^\d+$/.test(value) ? instant : instant > 1e12 ? instant : instant * 1000
}
