/**
 * The addresses of an answer that are on the origin of `baseUrl`: behind a gateway the provider names its own, which would get the key of
 * the gateway.
 */
export function ownAddresses<Name extends string>(
  baseUrl: string,
  named: Readonly<Record<Name, string | undefined>>,
): Partial<Record<Name, string>> {
  const isOwn = ([, address]: [string, unknown]) =>
    typeof address === 'string' &&
    URL.canParse(address, baseUrl) &&
    new URL(address, baseUrl).origin === new URL(baseUrl).origin
  return Object.fromEntries(Object.entries(named).filter(isOwn)) as Partial<Record<Name, string>>
}
