/** Runs the saves of one run one after the other. The caller of a save gets its error; the next save does not depend on it. */
export class SaveQueue {
  #last: Promise<unknown> = Promise.resolve()
  #pending = 0
  readonly #end = () => {
    this.#pending -= 1
  }

  /** Whether a save is in progress. */
  get isBusy(): boolean {
    return this.#pending > 0
  }

  run<T>(act: () => Promise<T>): Promise<T> {
    const acted = this.#last.then(act)
    this.#pending += 1
    this.#last = acted.then(this.#end, this.#end)
    return acted
  }
}
