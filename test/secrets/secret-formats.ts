/** A shape of credential, with one that was never issued. */
export interface SecretFormat {
  readonly name: string
  /** The credential as it is issued. */
  readonly secret: string
  /** The parts that must not come out, where the credential has parts that may. */
  readonly parts?: readonly string[]
  /** How a server writes it that lets it slip. */
  readonly spoken: string
  /**
   * How a strategy is configured with it: as its key, as a separate header, or in the query of its address.
   * @defaultValue the key
   */
  readonly configured?: { readonly header: string } | { readonly query: string }
}

// Long enough that no piece of it is there by chance; made from its format's name, so that each is another.
const letters = (
  name: string,
  length: number,
  alphabet = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789',
) => {
  let state = [...name].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) >>> 0, 7)
  return Array.from({ length }, () => {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0
    return alphabet[(state >>> 8) % alphabet.length]
  }).join('')
}
const hex = (name: string, length: number) => letters(name, length, '0123456789abcdef')
const base64 = (text: string) => Buffer.from(text).toString('base64')

/** A credential that begins with a mark of its issuer. */
function marked(name: string, prefix: string, body: string): SecretFormat {
  const secret = `${prefix}${body}`
  return { name, secret, parts: [body], spoken: `Incorrect API key provided: ${secret}.` }
}

/** A credential without a mark, which only the word before it gives away. */
function named(name: string, before: string, secret: string, after = ''): SecretFormat {
  return { name, secret, spoken: `${before}${secret}${after}` }
}

/** A credential in the query of an address. */
function queried(name: string, key: string, secret: string): SecretFormat {
  const spoken = `Cannot GET https://api.example/v1/videos?limit=1&${key}=${secret}&x=1`
  return { name, secret, spoken, configured: { query: key } }
}

const header = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString('base64url')
const claims = Buffer.from(`{"sub":"${letters('jwt-claims', 24)}"}`).toString('base64url')
const signature = letters('jwt-signature', 43)
const pemLines = Array.from({ length: 20 }, (_, index) => letters(`pem-${index}`, 64))
const password = letters('password', 18)

/** What is recognised here by its shape or by the word before it. */
export const SECRET_FORMATS: readonly SecretFormat[] = [
  marked('OpenAI key', 'sk-', letters('openai', 48)),
  marked(
    'OpenAI project key',
    'sk-proj-',
    `${letters('project', 40)}_${letters('project-2', 40)}-${letters('p3', 20)}`,
  ),
  marked('Anthropic key', 'sk-ant-api03-', `${letters('anthropic', 60)}-${letters('anthropic-2', 20)}AA`),
  marked('Hugging Face token', 'hf_', letters('hugging', 34)),
  marked('GitHub token', 'ghp_', letters('github', 36)),
  marked('GitHub server token', 'ghs_', letters('github-server', 36)),
  marked('GitHub fine-grained token', 'github_pat_', `${letters('pat', 22)}_${letters('pat-2', 59)}`),
  marked('GitLab token', 'glpat-', letters('gitlab', 20)),
  marked('Slack token', 'xoxb-', `1234567890-1234567890123-${letters('slack', 24)}`),
  marked('Stripe key', 'sk_live_', letters('stripe', 24)),
  marked('Stripe restricted key', 'rk_test_', letters('stripe-restricted', 40)),
  marked('webhook secret', 'whsec_', `${letters('webhook', 30)}/+${letters('webhook-2', 8)}=`),
  marked('Google access token', 'ya29.', `a0Af${letters('ya29', 60)}-${letters('ya29-2', 40)}_0171`),
  marked('Google API key', 'AIza', letters('aiza', 35)),
  marked('Google refresh token', '1//0g', letters('refresh', 60)),
  marked('Google client secret', 'GOCSPX-', letters('gocspx', 28)),
  marked('AWS access key id', 'AKIA', letters('akia', 16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')),
  marked('Replicate token', 'r8_', letters('replicate', 37)),
  marked('Groq key', 'gsk_', letters('groq', 52)),
  marked('xAI key', 'xai-', letters('xai', 80)),
  marked('npm token', 'npm_', letters('npm', 36)),
  marked('SendGrid key', 'SG.', `${letters('sendgrid', 22)}.${letters('sendgrid-2', 43)}`),
  marked('JSONBin master key', '$2b$10$', `${letters('jsonbin', 22)}./${letters('jsonbin-2', 29)}`),
  { ...marked('JSON web token', `${header}.`, `${claims}.${signature}`), parts: [claims, signature] },
  named(
    'AWS secret key',
    'aws_secret_access_key = ',
    `${letters('aws', 20)}/${letters('aws-2', 9)}+${letters('aws-3', 9)}`,
  ),
  named('AWS secret key in JSON', '{"secretAccessKey": "', `${letters('aws-j', 24)}/${letters('aws-j2', 15)}`, '"}'),
  named('AWS secret key in XML', '<Error><SecretAccessKey>', letters('aws-x', 40), '</SecretAccessKey></Error>'),
  named('opaque bearer token', 'authorization: Bearer ', hex('bearer', 40), ' was refused'),
  named('API key header', 'x-api-key: ', hex('x-api-key', 32), ' is unknown'),
  named('fal key', 'Authorization: Key ', `${hex('fal', 32)}:${hex('fal-2', 32)}`),
  named('client secret', 'client_id=7&client_secret=', letters('client', 40), '&grant_type=a'),
  named('password in JSON', '{"user": "a", "password": "', password, '", "retry": true}'),
  named('password in quotes', "login('a', password='", letters('quoted', 16), "')"),
  named('session cookie', 'cookie: theme=dark; session_id=', hex('cookie', 40), '; path=/'),
  named('set-cookie', 'Set-Cookie: __Secure-next-auth.session-token=', letters('set-cookie', 60), '; HttpOnly'),
  {
    name: 'Basic credentials',
    secret: `Basic ${base64(`user:${letters('basic', 20)}`)}`,
    parts: [base64(`user:${letters('basic', 20)}`).replace(/=+$/, ''), letters('basic', 20)],
    spoken: `authorization: Basic ${base64(`user:${letters('basic', 20)}`)} was refused`,
    configured: { header: 'authorization' },
  },
  ...['https', 'postgres', 'redis', 'socks5'].map(
    (scheme): SecretFormat => ({
      name: `password in an address of ${scheme}`,
      secret: letters(scheme, 22),
      spoken: `connect to ${scheme}://admin:${letters(scheme, 22)}@db.example:5432/videos failed`,
    }),
  ),
  {
    name: 'PEM private key',
    secret: ['-----BEGIN PRIVATE KEY-----', ...pemLines, '-----END PRIVATE KEY-----', ''].join('\n'),
    parts: pemLines,
    spoken: ['could not read -----BEGIN PRIVATE KEY-----', ...pemLines, '-----END PRIVATE KEY-----'].join('\n'),
  },
  queried('key in a query', 'key', hex('q-key', 32)),
  queried('api_key in a query', 'api_key', hex('q-api-key', 32)),
  queried('token in a query', 'token', letters('q-token', 32)),
  queried('access_token in a query', 'access_token', letters('q-access-token', 32)),
  queried('AWS signature', 'X-Amz-Signature', hex('q-amz', 64)),
  queried('AWS session token', 'X-Amz-Security-Token', `${letters('q-session', 200)}%2F%3D%3D`),
  queried('Google signature', 'X-Goog-Signature', hex('q-goog', 128)),
  queried('Azure signature', 'sig', `${letters('q-azure', 40)}%3D`),
]

/** The parts of a credential that must not come out. */
export function partsOf({ secret, parts = [secret] }: SecretFormat): readonly string[] {
  return parts
}
