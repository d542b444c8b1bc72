const LONGEST = 2_048
const LOOPBACK = /^(?:localhost|(?:[\w-]+\.)+localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

/**
 * Why an address cannot be given to an upstream as the address to call back; `undefined` if it can. The answer never quotes the
 * address, which may contain a token.
 */
export function callbackUrlFlaw(url: unknown): string | undefined {
  if (typeof url !== 'string' || !URL.canParse(url)) return 'give an absolute https address'
  const { protocol, hostname, username, password, hash } = new URL(url)
  if (protocol !== 'https:' && !(protocol === 'http:' && LOOPBACK.test(hostname))) {
    return 'give an https address; http only reaches this machine, such as http://127.0.0.1:8080'
  }
  if (username !== '' || password !== '') return 'leave user name and password out: the upstream would store them'
  if (hash !== '') return 'leave the fragment out: it is not sent'
  return url.length > LONGEST ? `give at most ${LONGEST} characters` : undefined
}
