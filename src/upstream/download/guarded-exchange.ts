import type { LookupFunction } from 'node:net'
import { NetworkError } from '../../contracts/upstream-errors.js'
import type { Fetch } from '../outgoing-request.js'
import { type AddressGuardOptions, createAddressGuard } from './address-guard.js'
import { literalOf } from './allowed-destinations.js'
import type { Exchange, Hop } from './exchange.js'
import { fetchExchange } from './fetch-exchange.js'
import { nodeExchange } from './node-exchange.js'

/** Where requests may go, and over which transport. */
export interface GuardedExchangeOptions extends AddressGuardOptions {
  /** Replaces the machine's own lookup of host names. */
  readonly lookup?: LookupFunction | undefined
  /**
   * Called instead of `node:http`, with the address as a string. It resolves host names, so only literal addresses,
   * local names, ports and redirects are checked.
   */
  readonly fetch?: Fetch | undefined
  /** Name of the option that lists exceptions, for messages. @defaultValue `allowPrivateAddresses` */
  readonly exceptionsOption?: string | undefined
}

/** A request whose address is checked before anything is sent. */
export interface GuardedHop extends Omit<Hop, 'refusalOf'> {
  /** The purpose, such as `download the video`. */
  readonly what: string
  /** Whether the origin is from the developer's configuration: it may be private then. @defaultValue false */
  readonly isOwn?: boolean | undefined
}

/**
 * Sends one request.
 * @throws AddressRefusedError for an address that may not be reached; any other failure rejects with the raw error.
 */
export type GuardedExchange = (hop: GuardedHop) => Promise<Exchange>

/** The guard refused: the address is not public and not listed, or its name resolves to such an address. */
export class AddressRefusedError extends NetworkError {
  constructor(what: string, { host }: URL, exceptionsOption = 'allowPrivateAddresses') {
    // One sentence for every reason: a third party must not learn what a name resolves to.
    const problem = `${host} is not a public address on an allowed port; list it in ${exceptionsOption} to reach it`
    super(`Could not ${what}: ${problem}`, { isRetryable: false, isRefusal: true })
  }
}

/**
 * Creates the function that sends requests to third-party addresses: the literal address of the URL is checked, or
 * each address that its name resolves to, and the connection goes to a checked address. It sends the given headers
 * and follows no redirects.
 */
export function createGuardedExchange(options: GuardedExchangeOptions): GuardedExchange {
  const { fetch = fetchOfWorkerd(), lookup, exceptionsOption } = options
  const guard = createAddressGuard(options)
  return async ({ what, isOwn = false, ...request }) => {
    const { url } = request
    const refused = () => new AddressRefusedError(what, url, exceptionsOption)
    const allows = (address: string) => isOwn || guard.allowsAddress(url, address)
    const literal = literalOf(url.hostname)
    // A name is checked when it is resolved; an injected fetch does that out of sight.
    const isFine = literal === undefined ? isOwn || fetch === undefined || guard.allowsName(url) : allows(literal)
    if (!isFine) throw refused()
    const hop: Hop = { ...request, refusalOf: (address) => (allows(address) ? undefined : refused()) }
    if (fetch !== undefined) return fetchExchange(hop, fetch)
    return nodeExchange(hop, lookup)
  }
}

// The lookup of workerd cannot be checked: its node:http takes none. There, the network service of the worker decides where a name
// leads, which is public addresses alone unless its configuration allows others.
function fetchOfWorkerd(): Fetch | undefined {
  if (globalThis.navigator?.userAgent !== 'Cloudflare-Workers') return undefined
  return (...request) => globalThis.fetch(...request)
}
