import { ConfigurationError, type InputProblem } from '../../src/contracts/input-errors.js'

/** The problems that a call throws; none when it does not throw. Anything but a ConfigurationError goes through. */
export function problemsOf(call: () => unknown): readonly InputProblem[] {
  try {
    call()
    return []
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems
    throw error
  }
}
