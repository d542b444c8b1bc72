import { hideSecrets, secretSpans } from './hide-secrets.js'
import { looksRandom } from './looks-random.js'
import { SecretFinder } from './secret-finder.js'
import { hideSecretsWith } from './secret-hider.js'

// The credentials used in this process, the latest last. A replaced credential stays a secret while an upstream may still quote
// it.
const MOST = 1_000
const MOST_LETTERS = 500_000
const SHORTEST = 8
const SHORTEST_WORDS = 12

const known = new Set<string>()
const finder = new SecretFinder([], 18)
let letters = 0
let latest: string | undefined

/**
 * Removes a credential from every message, warning and event from now on, until 1,000 others were used after it. A credential
 * with fewer than 8 characters, or of plain words with fewer than 12, is removed only in its own exchange.
 */
export function rememberSecret(secret: string): void {
  if (secret === latest || secret.length < (looksRandom(secret) ? SHORTEST : SHORTEST_WORDS)) return
  latest = secret
  if (known.delete(secret)) {
    known.add(secret)
    return
  }
  known.add(secret)
  finder.add(secret)
  hideSecretsWith(hideKnownSecrets)
  letters += secret.length
  for (const oldest of known) {
    if (known.size <= MOST && (letters <= MOST_LETTERS || known.size === 1)) break
    known.delete(oldest)
    finder.remove(oldest)
    letters -= oldest.length
  }
}

/** Removes the credentials used in this process, and the given ones, from a text. */
export function hideKnownSecrets(
  text: string,
  own?: { readonly finder: SecretFinder; readonly secrets: readonly string[] },
): string {
  if (own === undefined) return known.size === 0 ? text : hideSecrets(text, [finder], known)
  return hideSecrets(text, [own.finder, finder], [...own.secrets, ...known])
}

/** Whether a text holds a whole credential that was used in this process. */
export function holdsKnownSecret(text: string, own: SecretFinder): boolean {
  return secretSpans(text, [own, finder], true).length > 0
}
