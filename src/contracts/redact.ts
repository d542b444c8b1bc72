// Shapes of credentials that upstreams echo in their messages. What an adapter was configured with is removed by value, in
// upstream/secret.ts; these catch the rest.
const CREDENTIALS: readonly (readonly [RegExp, string])[] = [
  [/\b(bearer|basic)\s+[\w.~+/=-]{6,}/gi, '$1 [redacted]'],
  [/\b(sk|pk|hf|rk|xai|key|ghp|gho|glpat|whsec)[-_][\w-]{8,}/gi, '[redacted]'],
  [/\b(AKIA|ASIA)[A-Z0-9]{12,}/g, '[redacted]'],
  [/\bya29\.[\w-]{8,}/g, '[redacted]'],
  [/\bAIza[\w-]{20,}/g, '[redacted]'],
  [/\beyJ[\w-]{8,}\.[\w-]{4,}\.[\w-]{4,}/g, '[redacted]'],
  [
    /((?:^|[?&;\s"'])(?:api[-_]?key|key|token|access[-_]?token|refresh[-_]?token|password|pwd|secret|sig|signature|x-amz-[\w-]+|authorization)["']?\s*[=:]\s*["']?)[^\s&;"',}]{4,}/gi,
    '$1[redacted]',
  ],
  [/(\bhttps?:\/\/)[^\s/@]+@/gi, '$1[redacted]@'],
]

/** Takes credentials out of a text that came from elsewhere. */
export function redact(text: string): string {
  return CREDENTIALS.reduce((clean, [pattern, replacement]) => clean.replace(pattern, replacement), text)
}
