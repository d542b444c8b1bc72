/** A base URL without its query, user name and password, which may hold a key. */
export function endpointOf(baseUrl: string): string {
  const { origin, pathname } = new URL(baseUrl)
  return `${origin}${pathname.replace(/\/+$/, '')}`
}
