import { AwsV4Signer } from 'aws4fetch'

/** Who signs, and for what. */
export interface S3Signer {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string | undefined
  readonly region: string
  /** Epoch milliseconds by the clock of the store. */
  readonly now: number
}

/** What a request is signed for. */
export interface S3SignedRequest {
  readonly method: string
  /** Its path is encoded as RFC 3986 has it. */
  readonly url: string
  /** Each of them is signed but `content-type` and `content-length`, which proxies change. */
  readonly headers: Readonly<Record<string, string>>
  /** SHA-256 of the body in hexadecimal, or `UNSIGNED-PAYLOAD`. */
  readonly payloadHash: string
}

/** The payload hash of a body that is not known before it is sent. */
export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD'

/** Signs a request by signature version 4, and gives all headers that it then needs. */
export async function signedHeaders(signer: S3Signer, request: S3SignedRequest): Promise<Record<string, string>> {
  const { method, url, headers, payloadHash } = request
  const signed = await new AwsV4Signer({
    ...signerOptions(signer),
    method,
    url,
    headers: { ...headers, 'x-amz-content-sha256': payloadHash },
  }).sign()
  return Object.fromEntries(signed.headers)
}

/** An address that anyone may get the object from for some seconds. */
export async function presignedUrl(signer: S3Signer, url: string, seconds: number): Promise<string> {
  const target = new URL(url)
  target.searchParams.set('X-Amz-Expires', String(seconds))
  const signed = await new AwsV4Signer({
    ...signerOptions(signer),
    method: 'GET',
    url: target.href,
    signQuery: true,
  }).sign()
  return signed.url.href
}

function signerOptions({ accessKeyId, secretAccessKey, sessionToken, region, now }: S3Signer) {
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken !== undefined && { sessionToken }),
    region,
    service: 's3',
    datetime: `${new Date(now).toISOString().slice(0, 19).replaceAll(/[:-]/g, '')}Z`,
  }
}
