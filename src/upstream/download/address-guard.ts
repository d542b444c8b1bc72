import { type AllowPrivateAddresses, allowedDestinations } from './allowed-destinations.js'
import { isPublicAddress } from './public-address.js'

/** What an {@link AddressGuard} lets through. */
export interface AddressGuardOptions {
  /** @defaultValue nothing but public addresses */
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
  /** Ports of public addresses. @defaultValue 80 and 443 */
  readonly allowPorts?: readonly number[] | undefined
}

/** Decides where a URL that a third party named may lead. */
export interface AddressGuard {
  /** Whether an address may be connected to, which is the host of the URL or one that its name leads to. */
  allowsAddress(url: URL, address: string): boolean
  /** Whether the host name of a URL may be asked where nobody can tell what it leads to; weaker by far. */
  allowsName(url: URL): boolean
}

// Names that mean this machine or the network around it wherever they are looked up.
const LOCAL_NAME = /(?:^|\.)(?:localhost|local|internal|home\.arpa)\.?$|^[^.]+\.?$/

/** Makes a guard. */
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
