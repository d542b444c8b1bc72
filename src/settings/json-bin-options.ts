import type { StageWarning } from '../contracts/stage.js'
import {
  addressProblem,
  credentialProblem,
  optionProblem,
  textProblem,
  throwProblems,
  timeoutProblem,
} from '../strategies/option-problems.js'
import type { Fetch } from '../upstream/request.js'
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

/** The options with their defaults. */
export function checkJsonBinOptions(given: JsonBinSettingsOptions) {
  const options = {
    ...given,
    baseUrl: given.baseUrl ?? 'https://api.jsonbin.io/v3',
    initial: given.initial ?? {},
    secrets: given.secrets ?? {},
    timeoutMs: given.timeoutMs ?? 10_000,
  }
  const { binId, masterKey, accessKey, onWarning, allowedHosts } = options
  throwProblems('jsonBinSettings', [
    textProblem('binId', binId, 'give the id of a bin') ??
      (/^[\w-]+$/.test(binId) ? undefined : optionProblem('binId', binId, 'give the id alone, without an address')),
    credentialProblem('masterKey', masterKey),
    credentialProblem('accessKey', accessKey),
    (masterKey === undefined) === (accessKey === undefined)
      ? { field: 'masterKey', value: masterKey === undefined ? 'nothing' : 'given', fix: 'give it or accessKey' }
      : undefined,
    addressProblem('baseUrl', options.baseUrl, '"https://api.jsonbin.io/v3"'),
    timeoutProblem('timeoutMs', options.timeoutMs),
    onWarning === undefined || typeof onWarning === 'function'
      ? undefined
      : optionProblem('onWarning', onWarning, 'give a function'),
    allowedHosts === undefined || Array.isArray(allowedHosts)
      ? undefined
      : optionProblem('allowedHosts', allowedHosts, 'give a list of hosts'),
  ])
  return options
}

/** The options with their defaults. */
export type CheckedJsonBinOptions = ReturnType<typeof checkJsonBinOptions>
