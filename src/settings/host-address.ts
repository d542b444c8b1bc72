/** Address of a host: `https://cdn.example` of `cdn.example`. One that has a scheme keeps it. */
export function withScheme(host: string): string {
  const text = host.trim().replace(/\/+$/, '')
  return /^[a-z][a-z\d+.-]*:\/\//i.test(text) ? text : `https://${text}`
}
