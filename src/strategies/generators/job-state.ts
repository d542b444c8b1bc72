/** What an upstream's word for the state of a job comes to. */
export type JobState = 'queued' | 'running' | 'completed' | 'failed' | 'moderated' | 'cancelled' | 'expired' | 'unknown'

const WORDS: Readonly<Record<Exclude<JobState, 'unknown'>, string>> = {
  queued:
    'queued queueing in_queue pending submitted not_start notstarted not_started created starting preparing preprocessing throttled scheduled waiting',
  running: 'in_progress processing running generating postprocessing dreaming executing rendering',
  completed: 'completed complete success succeeded succeed finished done ready ok',
  failed: 'failed failure fail error dead rejected',
  moderated: 'moderated content_moderated request_moderated',
  cancelled: 'cancelled canceled aborted deleted',
  expired: 'expired',
}

const STATES: ReadonlyMap<string, JobState> = new Map(
  Object.entries(WORDS).flatMap(([state, words]) => words.split(' ').map((word) => [word, state as JobState])),
)

/**
 * The state behind a word such as `IN_PROGRESS`, `Content Moderated` or `not-started`, whatever its case and its dividers.
 * A word that nobody knows is `unknown`, which is no end: only the deadline ends a job whose state cannot be read.
 */
export function jobStateOf(word: string): JobState {
  return (
    STATES.get(
      word
        .trim()
        .toLowerCase()
        .replace(/[-\s]+/g, '_'),
    ) ?? 'unknown'
  )
}
