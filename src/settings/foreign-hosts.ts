import type { InputProblem } from '../contracts/input-errors.js'
import { withScheme } from './host-address.js'
import type { Settings } from './settings.js'

/** A host that would receive credentials, and the setting that names it. */
export interface CredentialHost {
  readonly field: string
  /** With its port, such as `127.0.0.1:8000`. */
  readonly host: string
}

/** The hosts in settings that would receive credentials. */
export function credentialHosts({ generator, publisher, watermarkFree, googleDrive }: Settings): CredentialHost[] {
  const addresses: readonly (readonly [field: string, address: string | undefined])[] = [
    ['generator.baseUrl', generator?.baseUrl],
    ['publisher.baseUrl', publisher?.baseUrl],
    ['watermarkFree.customUrl', watermarkFree.customUrl],
    ...googleDrive.spaces.map((space, index) => [`googleDrive.spaces[${index}]`, space] as const),
  ]
  return addresses.flatMap(([field, address]) => {
    return address === undefined ? [] : [{ field, host: new URL(withScheme(address)).host }]
  })
}

/** The problems of hosts that are not in the allowed list. */
export function foreignHostProblems(settings: Settings, allowedHosts: readonly string[]): InputProblem[] {
  const fix = 'add it to allowedHosts, or remove it from the settings'
  return credentialHosts(settings)
    .filter(({ host }) => !allowedHosts.includes(host))
    .map(({ field, host }) => ({ field, value: JSON.stringify(host), fix }))
}
