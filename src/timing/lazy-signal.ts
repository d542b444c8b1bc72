/** What carries the signal of a call. */
export interface HasSignal {
  readonly signal: AbortSignal
}

/**
 * An `AbortController` whose signal is created when it is first read. The signal is most of the cost of a deadline, and a call
 * that answers at once does not read it.
 */
export class LazySignal implements HasSignal {
  #controller: AbortController | undefined
  #aborted: { readonly reason: unknown } | undefined

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#aborted) this.#controller.abort(this.#aborted.reason)
    }
    return this.#controller.signal
  }

  /** Aborts the signal; the first reason counts. */
  abort(reason: unknown): void {
    this.#aborted ??= { reason }
    this.#controller?.abort(reason)
  }
}

/** A context under another signal, which is created when it is read. A copy of the context reads it, so this comes last. */
export function underSignal<C extends object>(context: C, limit: HasSignal): C & HasSignal {
  return {
    ...context,
    get signal() {
      return limit.signal
    },
  }
}
