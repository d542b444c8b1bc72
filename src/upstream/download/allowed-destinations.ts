import type { BlockList } from 'node:net'
import { describeValue } from '../../contracts/errors.js'
import type { InputProblem } from '../../contracts/input-errors.js'
import { addressFamily, addressList, holdsAddress } from './public-address.js'

/**
 * Destinations that may be reached beyond public addresses on the standard ports: `true` for all, or a list of hosts
 * (`cdn.internal`, `127.0.0.1`), hosts with a port (`127.0.0.1:8080`, `[::1]:8080`) and ranges (`10.0.0.0/8`). A host
 * without a port and a range are reachable on every port.
 */
export type AllowPrivateAddresses = boolean | readonly string[]

/** One parsed entry of the list. */
interface Entry {
  /** As in a URL; absent for a range. */
  readonly hostname?: string
  /** Absent for a name. */
  readonly addresses?: BlockList
  readonly port?: number
}

/** Whether the caller listed a destination. `address` is the host, or what it resolves to. */
export type IsListed = (hostname: string, port: number, address?: string) => boolean

/**
 * The list as a predicate. Entries that cannot be parsed allow nothing; {@link allowPrivateAddressesProblem} reports
 * them.
 */
export function allowedDestinations(allowed: AllowPrivateAddresses | undefined): IsListed {
  if (typeof allowed !== 'object') return () => allowed === true
  const entries = allowed.flatMap((text) => readEntry(text) ?? [])
  return (hostname, port, address) =>
    entries.some(
      (entry) =>
        (entry.port === undefined || entry.port === port) &&
        (entry.hostname === hostname ||
          (address !== undefined && entry.addresses !== undefined && holdsAddress(entry.addresses, address))),
    )
}

/** The problem with an option `allowPrivateAddresses`, or one of another name; `undefined` if it is valid. */
export function allowPrivateAddressesProblem(
  value: unknown,
  field = 'allowPrivateAddresses',
): InputProblem | undefined {
  if (value === undefined || typeof value === 'boolean') return undefined
  const fix = 'give true, or hosts ("127.0.0.1"), hosts with a port ("127.0.0.1:8080") and ranges ("10.0.0.0/8")'
  if (!Array.isArray(value)) return { field, value: describeValue(value), fix }
  const index = value.findIndex((entry) => typeof entry !== 'string' || readEntry(entry) === undefined)
  return index < 0 ? undefined : { field: `${field}[${index}]`, value: describeValue(value[index]), fix }
}

function readEntry(text: string): Entry | undefined {
  return readRange(text) ?? readHost(addressFamily(text) === 6 ? `[${text}]` : text)
}

function readRange(text: string): Entry | undefined {
  const [, base = '', bits = ''] = /^(.+)\/(\d{1,3})$/.exec(text) ?? []
  const family = addressFamily(base)
  if (family === 0 || Number(bits) > (family === 6 ? 128 : 32)) return undefined
  return { addresses: addressList([text]) }
}

function readHost(text: string): Entry | undefined {
  const [, host = '', port] = /^(\[[^\]]+\]|[^:[\]/?#@\\\s]+)(?::(\d{1,5}))?$/.exec(text) ?? []
  if (!URL.canParse(`http://${host}`) || (port !== undefined && !isPort(Number(port)))) return undefined
  const { hostname } = new URL(`http://${host}`)
  const literal = literalOf(hostname)
  return {
    hostname,
    ...(literal !== undefined && { addresses: addressList([`${literal}/${addressFamily(literal) === 6 ? 128 : 32}`]) }),
    ...(port !== undefined && { port: Number(port) }),
  }
}

/** The IP address in the host name of a URL, without brackets; `undefined` for a name. */
export function literalOf(hostname: string): string | undefined {
  const plain = hostname.replace(/^\[|\]$/g, '')
  return addressFamily(plain) === 0 ? undefined : plain
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535
}
