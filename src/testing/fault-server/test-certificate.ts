import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'

/** The flaw of a certificate: only that no client trusts it, its time, or its name. */
export type CertificateFlaw = 'self-signed' | 'expired' | 'wrong-host'

/** A self-signed certificate with its key, as PEM. */
export interface TestCertificate {
  readonly cert: string
  readonly key: string
}

const DAY_MS = 86_400_000
const ECDSA_WITH_SHA256 = Buffer.from('06082a8648ce3d040302', 'hex')
const COMMON_NAME = Buffer.from('0603550403', 'hex')
const BASIC_CONSTRAINTS = Buffer.from('0603551d13', 'hex')
const SUBJECT_ALT_NAME = Buffer.from('0603551d11', 'hex')
const TRUE = Buffer.from('0101ff', 'hex')

/** Creates a certificate for 127.0.0.1, or one that is `expired` or names another host. */
export function testCertificate(flaw: CertificateFlaw): TestCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const now = Date.now()
  const notAfter = flaw === 'expired' ? now - DAY_MS : now + DAY_MS
  // The tag of an alternative name is its kind: 2 for a name, 7 for an address.
  const host = flaw === 'wrong-host' ? der(0x82, Buffer.from('other.example')) : der(0x87, Buffer.from([127, 0, 0, 1]))
  const name = sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from('sora-pipeline test')))))
  const toSign = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    sequence(ECDSA_WITH_SHA256),
    name,
    sequence(utcTime(now - 2 * DAY_MS), utcTime(notAfter)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(
      0xa3,
      sequence(
        sequence(BASIC_CONSTRAINTS, TRUE, der(0x04, sequence(TRUE))),
        sequence(SUBJECT_ALT_NAME, der(0x04, sequence(host))),
      ),
    ),
  )
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', toSign, privateKey)]))
  const certificate = sequence(toSign, sequence(ECDSA_WITH_SHA256), signature)
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? []
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(0x30, Buffer.concat(parts))
}

function der(tag: number, content: Uint8Array): Buffer {
  const { byteLength } = content
  const length = byteLength < 0x80 ? [byteLength] : [0x82, byteLength >> 8, byteLength & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

function utcTime(at: number): Buffer {
  const digits = new Date(at).toISOString().replace(/\D/g, '').slice(2, 14)
  return der(0x17, Buffer.from(`${digits}Z`))
}
