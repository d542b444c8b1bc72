import type { LookupFunction } from 'node:net'
import { NetworkError } from '../../contracts/upstream-errors.js'
import type { Fetch } from '../outgoing-request.js'
import { type AddressGuardOptions, createAddressGuard } from './address-guard.js'
import { literalOf } from './allowed-destinations.js'
import type { Exchange, Hop } from './exchange.js'
import { fetchExchange } from './fetch-exchange.js'
import { nodeExchange } from './node-exchange.js'

/** Where requests may go, and over what. */
export interface GuardedExchangeOptions extends AddressGuardOptions {
  /** In place of the machine's own look-up of host names. */
  readonly lookup?: LookupFunction | undefined
  /**
   * Called in place of `node:http`, with the address as a string. Where a host name leads is then in its hands: only literal
   * addresses, local names, ports and redirects are checked.
   */
  readonly fetch?: Fetch | undefined
  /** What the option that lists exceptions is called, for messages. @defaultValue `allowPrivateAddresses` */
  readonly exceptionsOption?: string | undefined
}

/** A request whose address is checked before anything is sent. */
export interface GuardedHop extends Omit<Hop, 'refusalOf'> {
  /** What it is for, such as `download the video`. */
  readonly what: string
  /** Whether the developer wrote the origin down: it may be private then. @defaultValue false */
  readonly isOwn?: boolean | undefined
}

/**
 * Sends one request.
 * @throws AddressRefusedError for an address that may not be reached; any other failure is rejected with the raw error.
 */
export type GuardedExchange = (hop: GuardedHop) => Promise<Exchange>

/** The guard said no: the address is not public and not listed, or its name leads to one that is not. */
export class AddressRefusedError extends NetworkError {
  constructor(what: string, { host }: URL, exceptionsOption = 'allowPrivateAddresses') {
    // One sentence for every reason: where a name leads is nothing that a stranger should learn.
    const problem = `${host} is no public address on a usual port; list it in ${exceptionsOption} if it may be reached`
    super(`Could not ${what}: ${problem}`, { isRetryable: false, isRefusal: true })
  }
}

/**
 * Makes the one way out to addresses that somebody else named: the literal address of the URL is checked, or each address that
 * its name leads to, and the connection goes to an address that was checked. It sends the headers that it is given and follows
 * nothing.
 */
export function createGuardedExchange(options: GuardedExchangeOptions): GuardedExchange {
  const { fetch = fetchOfWorkerd(), lookup, exceptionsOption } = options
  const guard = createAddressGuard(options)
  return async ({ what, isOwn = false, ...request }) => {
    const { url } = request
    const refused = () => new AddressRefusedError(what, url, exceptionsOption)
    const allows = (address: string) => isOwn || guard.allowsAddress(url, address)
    const literal = literalOf(url.hostname)
    // A name is checked when it is looked up; an injected fetch does that out of sight.
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
