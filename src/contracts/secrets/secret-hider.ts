/** Replaces a removed secret. */
export const HIDDEN = '[redacted]'

let hider: ((text: string) => string) | undefined

/** Removes the credentials used in this process from a text. */
export function withoutKnownSecrets(text: string): string {
  return hider === undefined ? text : hider(text)
}

/**
 * Sets what removes them, with the first of them. It is not imported here: the search for secrets in every encoding is a third of
 * what errors need, and a process that remembers no secret has nothing to search for.
 */
export function hideSecretsWith(hide: (text: string) => string): void {
  hider = hide
}
