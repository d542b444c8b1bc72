import { describeValue } from '../../contracts/errors.js'
import { type InputProblem, InvalidRequestError } from '../../contracts/input-errors.js'
import { redact } from '../../contracts/secrets/redact.js'

/** Collects the problems of a request, so that one error can name them all. */
export interface RequestProblems {
  /**
   * Notes a problem.
   * @param field - Path in OpenAI's notation, such as `messages[0].content`.
   * @param value - The wrong value; it is shown shortened, and without possible secrets.
   * @param fix - What to give instead.
   */
  add(field: string, value: unknown, fix: string): undefined
  /** Notes a problem with a described value, such as `a text of 40000 characters`. */
  note(problem: InputProblem): undefined
  /** @throws InvalidRequestError when there is a problem. */
  throwIfAny(): void
}

// The answer to a body with a hundred thousand wrong values must not be larger than the body.
const MOST_PROBLEMS = 50

/** Creates an empty {@link RequestProblems}. It keeps at most 50 problems. */
export function requestProblems(): RequestProblems {
  const problems: InputProblem[] = []
  const note = (problem: InputProblem) => {
    if (problems.length < MOST_PROBLEMS) problems.push(problem)
    return undefined
  }
  return {
    note,
    add: (field, value, fix) => note({ field, value: shown(value), fix }),
    throwIfAny() {
      if (problems.length > 0) throw new InvalidRequestError(problems)
    },
  }
}

/** A client's name in a form that is safe in a header and a line: `a\r\nb` becomes `a??b`. */
export function shortName(name: string): string {
  return name.slice(0, 64).replace(/[^\w.[\]-]/g, '?') || '?'
}

// A data URL is long, and everything but the host of an address may be secret.
function shown(value: unknown): string {
  if (typeof value !== 'string') return describeValue(value)
  const start = value.slice(0, 200)
  if (/^data:/i.test(start)) return describeValue(start.split(/[;,]/, 1)[0])
  const plain = start.replace(/\/\/(?:[^/]*@)?([^/?#]*).*/s, '//$1/…')
  return describeValue(redact(plain).toWellFormed())
}
