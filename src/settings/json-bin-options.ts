import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import { aFunction, aTimeout, required, rule } from '../contracts/option-rules.js'
import type { StageWarning } from '../contracts/stage.js'
import { address, aFetch, credential } from '../strategies/option-rules.js'
import type { Fetch } from '../upstream/outgoing-request.js'
import type { SettingsFragment } from './settings.js'
import type { SettingsSecrets } from './settings-secrets.js'

/** Options of `jsonBinSettings`. One of the two keys is needed. */
export interface JsonBinSettingsOptions {
  /** Of a bin that was made for this: letters, digits, `-` and `_`, as in the address of the bin. There is no default. */
  readonly binId: string
  /** Sent as `X-Master-Key`; it opens the whole account. */
  readonly masterKey?: string | undefined
  /** Sent as `X-Access-Key`; it needs the rights to read and to update bins, and no more. */
  readonly accessKey?: string | undefined
  /** @defaultValue `'https://api.jsonbin.io/v3'` */
  readonly baseUrl?: string | undefined
  /**
   * What holds until the bin was read, and what the bin leaves out.
   * @defaultValue `{}`, which switches everything off
   */
  readonly initial?: SettingsFragment | undefined
  /** The credentials of the chain, so that none of them is ever stored. What a function would give cannot be seen. */
  readonly secrets?: SettingsSecrets | undefined
  /**
   * Hosts, such as `gateway.example` or `127.0.0.1:8000`, to which a document may send credentials of the chain: those of the
   * generator, the publisher, the parse server and the Spaces. Those of `initial` are allowed as well; a document that names
   * another one is refused. Without the list whoever can write the bin decides where credentials go.
   */
  readonly allowedHosts?: readonly string[] | undefined
  /**
   * Milliseconds for one request; above 0, `Infinity` for none.
   * @defaultValue 10_000
   */
  readonly timeoutMs?: number | undefined
  /** Told when the bin could not be read (`settings-not-pulled`) or written (`settings-not-pushed`). What it throws is ignored. */
  readonly onWarning?: ((warning: StageWarning) => void) | undefined
  /**
   * Called in place of the platform's `fetch`, with the address as a string.
   * @defaultValue `globalThis.fetch`
   */
  readonly fetch?: Fetch | undefined
}

const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)

const RULES: OptionRules<JsonBinSettingsOptions> = {
  binId: required(
    rule(
      (value) => typeof value === 'string' && /^[\w-]+$/.test(value),
      'give the id of a bin alone, without an address',
    ),
  ),
  masterKey: credential,
  accessKey: credential,
  baseUrl: address('"https://api.jsonbin.io/v3"', 'masterKey or accessKey'),
  // Both are checked by what they are used for.
  initial: rule(isObject, 'give settings'),
  secrets: rule(isObject, 'give an object of secrets'),
  allowedHosts: rule(Array.isArray, 'give a list of hosts'),
  timeoutMs: aTimeout,
  onWarning: aFunction,
  fetch: aFetch,
}

/** The options with their defaults. */
export function checkJsonBinOptions(given: JsonBinSettingsOptions) {
  checkOptions('jsonBinSettings', given, RULES, ({ masterKey, accessKey }) => [
    (masterKey === undefined) === (accessKey === undefined)
      ? { field: 'masterKey', value: masterKey === undefined ? 'nothing' : 'given', fix: 'give it or accessKey' }
      : undefined,
  ])
  return {
    ...given,
    baseUrl: given.baseUrl ?? 'https://api.jsonbin.io/v3',
    initial: given.initial ?? {},
    secrets: given.secrets ?? {},
    timeoutMs: given.timeoutMs ?? 10_000,
  }
}

/** The options with their defaults. */
export type CheckedJsonBinOptions = ReturnType<typeof checkJsonBinOptions>
