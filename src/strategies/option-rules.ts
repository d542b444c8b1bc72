import type { Agent } from 'node:http'
import { type OptionProblem, type OptionRule, optionProblem } from '../contracts/check-options.js'
import type { InputProblem } from '../contracts/input-errors.js'
import { aFunction, rule, ruleOf, text } from '../contracts/option-rules.js'
import { isBlockedPort } from '../upstream/blocked-ports.js'
import { allowPrivateAddressesProblem } from '../upstream/download/allowed-destinations.js'
import { isPlainHttp } from '../upstream/plain-http.js'
import { credentialProblemOf, keyProblemOf } from '../upstream/secret.js'

const HEADER_NAME = /^[\w!#$%&'*+.^`|~-]+$/

/** The options that all strategies share. */
export const named = { name: text('give a name'), label: text('give a display name, or leave it out') }

/** A custom `fetch`. */
export const aFetch: OptionRule = aFunction

/** An agent of `node:http` or `node:https`. */
export const anAgent: OptionRule = rule(
  (value) => typeof (Object(value) as Partial<Agent>).destroy === 'function',
  'give an Agent of node:http or node:https',
)

export const privateAddresses: OptionRule = ruleOf((_, value) => allowPrivateAddressesProblem(value))

/**
 * An absolute http or https address.
 * @param example - A valid address.
 * @param forUser - The options for a user and a password.
 */
export function address(example: string, forUser?: string): OptionRule {
  return ruleOf((field, value) => addressProblem(field, value, example, forUser))
}

/** The problem with an http or https address, if any. */
export function addressProblem(
  field: string,
  value: unknown,
  example: string,
  forUser = 'headers: { authorization: … }',
): OptionProblem {
  const fix = `give an absolute http or https address, such as ${example}`
  if (typeof value !== 'string' || !URL.canParse(value)) return optionProblem(field, withoutSecrets(value), fix)
  const url = new URL(value)
  if (!/^https?:$/.test(url.protocol)) return optionProblem(field, withoutSecrets(value), fix)
  if (!isPlainHttp(url)) {
    return optionProblem(field, withoutSecrets(value), `leave user name and password out, and give ${forUser}`)
  }
  if (!isBlockedPort(url)) return undefined
  return optionProblem(field, withoutSecrets(value), `use another port: fetch refuses port ${url.port}`)
}

/** A credential that a header can carry; its value is never shown. */
export const credential: OptionRule = ruleOf((field, value) => {
  const problem = typeof value === 'function' ? undefined : keyProblemOf(value)
  if (problem === undefined) return undefined
  const isEmpty = typeof value === 'string' && value.trim() === ''
  return { field, value: 'unusable', fix: isEmpty ? `${problem}; leave the option out for no key` : problem }
})

/** Headers that can be sent; their values are never shown. */
export const headers: OptionRule = ruleOf((field, value) => {
  // A Headers object, a Map and a list of pairs have no own fields: their headers would be dropped.
  if (typeof value !== 'object' || value === null || Symbol.iterator in value) {
    return { field, value: 'unusable', fix: "give an object of texts by header name, such as { 'x-account': '7' }" }
  }
  return Object.entries(value)
    .filter(([name, entry]) => !HEADER_NAME.test(name) || (entry !== '' && credentialProblemOf(entry) !== undefined))
    .map(([name]) => ({
      field: `${field}[${JSON.stringify(name)}]`,
      value: 'unusable',
      fix: 'give a header name, and ASCII text without line breaks',
    }))
})

function withoutSecrets(value: unknown): unknown {
  return typeof value === 'string' ? value.replace(/\/\/[^/]*@/, '//').replace(/[?#].*/s, '') : value
}

/** The problem of a header that is configured beside the key that is sent in the same header: one of them would be dropped. */
export function keyInHeaders(
  {
    apiKey,
    headers: own = {},
  }: { readonly apiKey?: unknown; readonly headers?: Readonly<Record<string, string>> | undefined },
  authScheme = 'Bearer',
): readonly InputProblem[] {
  const header = authScheme.startsWith('x-') ? authScheme : 'authorization'
  const name = apiKey === undefined ? undefined : Object.keys(own).find((one) => one.toLowerCase() === header)
  if (name === undefined) return []
  const fix = `leave it out, or leave apiKey out: both are sent as ${header}`
  return [{ field: `headers[${JSON.stringify(name)}]`, value: 'a credential', fix }]
}
