import { describeValue } from '../../contracts/errors.js'
import { InvalidRequestError } from '../../contracts/input-errors.js'
import { createAddressGuard } from '../../upstream/download/address-guard.js'
import { type AllowPrivateAddresses, literalOf } from '../../upstream/download/allowed-destinations.js'
import { isPlainHttp } from '../../upstream/plain-http.js'

/** The destinations that webhooks may have. */
export interface WebhookUrlOptions {
  /**
   * Where webhooks may go beyond public addresses on ports 80 and 443: hosts (`'127.0.0.1'`), hosts with a port
   * (`'10.0.0.7:9000'`) and ranges (`'10.0.0.0/8'`), or `true` for everything.
   * @defaultValue none
   */
  readonly allowPrivateAddresses?: AllowPrivateAddresses | undefined
}

const MOST_CHARACTERS = 2_048

/**
 * Checks everything about a webhook's address that needs no lookup: http or https, no user name, no private address,
 * no local name, an allowed port. What a name resolves to is checked for each delivery. The message contains only the
 * host of the address, because the rest may be a secret.
 * @throws InvalidRequestError for an address that is not allowed; its field is `webhook_url`.
 */
export function checkWebhookUrl(url: unknown, options: WebhookUrlOptions = {}): URL {
  if (typeof url !== 'string' || url.length > MOST_CHARACTERS || !URL.canParse(url)) {
    const value = typeof url === 'string' ? `a text of ${url.length} characters` : describeValue(url)
    throw invalid(value, `give an absolute http or https URL of at most ${MOST_CHARACTERS} characters`)
  }
  const parsed = new URL(url)
  if (!/^https?:$/.test(parsed.protocol)) throw invalid(describeValue(parsed.protocol), 'give an http or https URL')
  const host = describeValue(parsed.host)
  if (!isPlainHttp(parsed)) throw invalid(host, 'leave user name and password out')
  if (!mayBeReached(parsed, options.allowPrivateAddresses)) {
    throw invalid(
      host,
      'give a public address on port 80 or 443; the server can list others in webhookAllowPrivateAddresses',
    )
  }
  return parsed
}

function mayBeReached(url: URL, allowPrivateAddresses: AllowPrivateAddresses | undefined): boolean {
  const guard = createAddressGuard({ allowPrivateAddresses })
  const literal = literalOf(url.hostname)
  if (literal !== undefined) return guard.allowsAddress(url, literal)
  // A name may resolve to a listed address, which only a lookup can show.
  return guard.allowsName(url) || (Array.isArray(allowPrivateAddresses) && allowPrivateAddresses.length > 0)
}

function invalid(value: string, fix: string): InvalidRequestError {
  return new InvalidRequestError([{ field: 'webhook_url', value, fix }])
}
