import { createHmac, timingSafeEqual } from 'node:crypto'
import type { OptionRule } from '../../contracts/check-options.js'
import { ruleOf } from '../../contracts/option-rules.js'

// The prefix is one of `redact`, which removes such tokens from messages.
const TOKEN = /^wkt_([\w-]{2,1360})\.[\w-]{43}$/

/** The rule of a secret that signs addresses of this server; its value is never shown. */
export const aContentSecret: OptionRule = ruleOf((field, value) =>
  typeof value === 'string' && value.length >= 16
    ? undefined
    : { field, value: 'unusable', fix: 'give at least 16 characters' },
)

/** The token with which an upstream may wake a run, and do nothing else. */
export function wakeTokenOf(contentSecret: string, runId: string): string {
  // Unlike what is signed for an address of a video, where the second part is a number.
  const signed = JSON.stringify(['wake', runId])
  const signature = createHmac('sha256', contentSecret).update(signed).digest('base64url')
  return `wkt_${Buffer.from(runId).toString('base64url')}.${signature}`
}

/** Whether a text has the form of a token. */
export function isWakeToken(token: string): boolean {
  return TOKEN.test(token)
}

/** The id of the run of a token; `undefined` unless it was signed with the secret. */
export function runIdOfToken(contentSecret: string, token: string): string | undefined {
  const [, id = ''] = TOKEN.exec(token) ?? []
  const runId = Buffer.from(id, 'base64url').toString()
  const expected = Buffer.from(wakeTokenOf(contentSecret, runId))
  const given = Buffer.from(token)
  return given.length === expected.length && timingSafeEqual(expected, given) ? runId : undefined
}
