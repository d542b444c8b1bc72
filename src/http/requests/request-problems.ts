import { describeValue } from '../../contracts/errors.js'
import { type InputProblem, InvalidRequestError } from '../../contracts/input-errors.js'
import { redact } from '../../contracts/secrets/redact.js'

/** Collects what is wrong with a request, so that one error can name all of it. */
export interface RequestProblems {
  /**
   * Notes a problem.
   * @param field - Path as OpenAI writes it, such as `messages[0].content`.
   * @param value - The wrong value; it is shown shortened, and without what may be secret.
   * @param fix - What to give in its place.
   */
  add(field: string, value: unknown, fix: string): undefined
  /** Notes a problem whose value is described already, such as `a text of 40000 characters`. */
  note(problem: InputProblem): undefined
  /** @throws InvalidRequestError when there is a problem. */
  throwIfAny(): void
}

// A body with a hundred thousand wrong values must not become an answer that is larger than itself.
const MOST_PROBLEMS = 50

/** An empty {@link RequestProblems}. More than 50 problems are not kept. */
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

/** A name that somebody else chose, in a form that can stand in a header and a line: `a\r\nb` becomes `a??b`. */
export function shortName(name: string): string {
  return name.slice(0, 64).replace(/[^\w.[\]-]/g, '?') || '?'
}

// A data URL is long, and of an address all but the host may be a secret.
function shown(value: unknown): string {
  if (typeof value !== 'string') return describeValue(value)
  const start = value.slice(0, 200)
  if (/^data:/i.test(start)) return describeValue(start.split(/[;,]/, 1)[0])
  const plain = start.replace(/\/\/(?:[^/]*@)?([^/?#]*).*/s, '//$1/…')
  return describeValue(redact(plain).toWellFormed())
}
