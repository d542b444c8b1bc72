/** A setting of a server with which a store cannot keep what it promises. */
export interface ServerProblem {
  /** Its name, such as `appendfsync`. */
  readonly setting: string
  /** What it is set to; `unknown` when the server does not show it. */
  readonly value: string
  /** What to set it to, and why. */
  readonly fix: string
}
