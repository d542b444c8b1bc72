import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import { aFunction, aTimeout, required, rule } from '../contracts/option-rules.js'
import type { StageWarning } from '../contracts/stage.js'
import { address, aFetch, credential } from '../strategies/option-rules.js'
import type { Fetch } from '../upstream/outgoing-request.js'
import type { SettingsFragment } from './settings.js'
import type { SettingsSecrets } from './settings-secrets.js'

/** Options of `jsonBinSettings`. One of the two keys is required. */
export interface JsonBinSettingsOptions {
  /**
   * Id of a bin for the settings: letters, digits, `-` and `_`, as in the address of the bin. There is no default.
   */
  readonly binId: string
  /**
   * Key that is sent as `X-Master-Key`; it opens the whole account. Give either this or `accessKey`.
   * @defaultValue none
   */
  readonly masterKey?: string | undefined
  /**
   * Key that is sent as `X-Access-Key`; it needs only the permissions to read and to update bins.
   * @defaultValue none
   */
  readonly accessKey?: string | undefined
  /** Address of the service. @defaultValue `'https://api.jsonbin.io/v3'` */
  readonly baseUrl?: string | undefined
  /**
   * Settings that apply until the bin is read, and for fields that are missing in the bin.
   * @defaultValue `{}`, which switches everything off
   */
  readonly initial?: SettingsFragment | undefined
  /**
   * The credentials of the chain, so that none of them is ever stored. Values that a function returns cannot be
   * checked.
   * @defaultValue none
   */
  readonly secrets?: SettingsSecrets | undefined
  /**
   * Hosts, such as `gateway.example` or `127.0.0.1:8000`, that a document may name for services that receive
   * credentials of the chain: the generator, the publisher, the parse server and the Spaces. The hosts of `initial`
   * are allowed as well; a document that names another one is refused.
   * @defaultValue every host: anyone with write access to the bin then decides where credentials are sent
   */
  readonly allowedHosts?: readonly string[] | undefined
  /**
   * Time limit of one request, in milliseconds above 0 and at most 2,147,483,647, or `Infinity` for no limit. Past it
   * the bin counts as unavailable, and the last valid copy stays.
   * @defaultValue `10_000` (10 s)
   */
  readonly timeoutMs?: number | undefined
  /**
   * Called when the bin could not be read (`settings-not-pulled`) or written (`settings-not-pushed`). An error that
   * it throws is ignored.
   * @defaultValue none
   */
  readonly onWarning?: ((warning: StageWarning) => void) | undefined
  /** Called instead of the platform's `fetch`, with the address as a string. @defaultValue `globalThis.fetch` */
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
  // Both are checked where they are used.
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
