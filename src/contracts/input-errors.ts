import { SoraPipelineError, type SoraPipelineErrorOptions } from './errors.js'
import type { JsonObject } from './json.js'
import { redact, redactLikely } from './secrets/redact.js'

/** A problem with an input of the caller. */
export type InputProblem = {
  /** Path of the field, such as `storyboard[1].durationSeconds`. */
  readonly field: string
  /** The invalid value, shortened; never a secret. */
  readonly value: string
  /** How to fix it. */
  readonly fix: string
  /** The field is a function of the caller that failed: `value` is its error. */
  readonly hasFailed?: true
}

abstract class InputError extends SoraPipelineError {
  /** Every problem. */
  readonly problems: readonly InputProblem[]

  constructor(what: string, problems: readonly InputProblem[], options?: SoraPipelineErrorOptions) {
    const shown = problems.map((problem) => cleaned(problem, redact))
    super(`${what}: ${shown.map(toText).join('; ')}`, options)
    this.problems = shown
  }

  protected override details(): JsonObject {
    return { problems: this.problems }
  }
}

/** A factory or a constructor received invalid options. Lists every problem, before anything is sent. Never retryable. */
export class ConfigurationError extends InputError {
  override readonly name = 'ConfigurationError'
  readonly code = 'configuration-invalid'

  /** @param subject - What could not be configured, such as `videosApiGenerator`. */
  constructor(subject: string, problems: readonly InputProblem[], options?: SoraPipelineErrorOptions) {
    // A key is easily passed as the wrong option.
    super(
      `Could not configure ${subject}`,
      problems.map((problem) => cleaned(problem, redactLikely)),
      options,
    )
  }
}

/** A request is invalid. Lists every problem, before anything is sent. Never retryable. */
export class InvalidRequestError extends InputError {
  override readonly name = 'InvalidRequestError'
  readonly code = 'request-invalid'

  constructor(problems: readonly InputProblem[], options?: SoraPipelineErrorOptions) {
    super('Could not take the request', problems, options)
  }
}

function toText({ field, value, fix, hasFailed }: InputProblem): string {
  if (hasFailed) return `${field} failed: ${value} (${fix})`
  return fix.endsWith('?') ? `${field} is ${value}, ${fix}` : `${field} is ${value} (${fix})`
}

function cleaned(problem: InputProblem, clean: (text: string) => string): InputProblem {
  const { field, value, fix } = problem
  return { ...problem, field: clean(field), value: clean(value), fix: clean(fix) }
}
