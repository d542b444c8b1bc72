import type { JsonObject } from '../../../contracts/json.js'
import type { ApiAnswer } from '../../../upstream/api.js'
import type { SentPrompts } from './prompt-match.js'

/** The answer to a submission. */
export interface SubmissionAnswer {
  readonly answer: ApiAnswer
  /** What is kept with the job. */
  readonly data?: JsonObject | undefined
}

/** A submission by which a job in the list is recognised. */
export interface SentSubmission {
  readonly prompts: SentPrompts
  /** What is kept with the job. */
  readonly data?: JsonObject | undefined
}
