/** Address of a host: `https://cdn.example` for `cdn.example`. An existing scheme is kept. */
export function withScheme(host: string): string {
  const text = host.trim().replace(/\/+$/, '')
  return /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `https://${text}`
}
