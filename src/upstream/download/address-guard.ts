import { type AllowPrivateAddresses, allowedDestinations } from './allowed-destinations.js'
import { isPublicAddress } from './public-address.js'

/** What an {@link AddressGuard} allows. */
export interface AddressGuardOptions {
  /** @defaultValue only public addresses */
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
  /** Ports of public addresses. @defaultValue 80 and 443 */
  readonly allowPorts?: readonly number[] | undefined
}

/** Decides where a third-party URL may lead. */
export interface AddressGuard {
  /**
   * Whether a connection to an address is allowed. The address is the host of the URL, or one that its name resolves
   * to.
   */
  allowsAddress(url: URL, address: string): boolean
  /** Whether a host name may be requested when its addresses cannot be seen; a much weaker check. */
  allowsName(url: URL): boolean
}

// Names that mean this machine or its local network, whichever resolver is used.
const LOCAL_NAME = /(?:^|\.)(?:localhost|local|internal|home\.arpa)\.?$|^[^.]+\.?$/

/** Creates a guard. */
export function createAddressGuard(options: AddressGuardOptions): AddressGuard {
  const isListed = allowedDestinations(options.allowPrivateAddresses)
  const ports: ReadonlySet<number> = new Set(options.allowPorts ?? [80, 443])
  return {
    allowsAddress(url, address) {
      const port = portOf(url)
      return isListed(url.hostname, port, address) || (isPublicAddress(address) && ports.has(port))
    },
    allowsName(url) {
      const port = portOf(url)
      return isListed(url.hostname, port) || (!LOCAL_NAME.test(url.hostname) && ports.has(port))
    },
  }
}

function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port)
  return protocol === 'https:' ? 443 : 80
}
