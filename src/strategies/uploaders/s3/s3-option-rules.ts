import { type OptionProblem, type OptionRules, optionProblem } from '../../../contracts/check-options.js'
import {
  aFunction,
  aTimeout,
  choice,
  nested,
  number,
  required,
  rule,
  ruleOf,
  whole,
} from '../../../contracts/option-rules.js'
import { credentialProblemOf } from '../../../upstream/secret.js'
import { addressProblem, aFetch, headers as headerRule, named } from '../../option-rules.js'
import { keyTemplate } from '../storage-key.js'
import type { S3Presigned, S3UploaderOptions } from './s3-options.js'

const SMALLEST_PART = 5_242_880
const LARGEST_PART = 5_368_709_120
/** The most that signature version 4 has. */
export const LONGEST_PRESIGN_SECONDS = 604_800
// They are the uploader's own, or have to come with each request for the object, which a URL cannot.
const RESERVED =
  /^(?:authorization|host|content-(?:length|type|md5)|if-none-match|if-match|expect|x-amz-(?:date|content-sha256|meta-sora-pipeline-upload|security-token|server-side-encryption-customer-.*))$/i

const presigned = nested<S3Presigned>({
  presignSeconds: required(
    number(
      (value) => Number.isInteger(value) && value >= 1 && value <= LONGEST_PRESIGN_SECONDS,
      `give whole seconds from 1 to ${LONGEST_PRESIGN_SECONDS}`,
    ),
  ),
})

/** What is right for each option of `s3Uploader`. */
export const S3_RULES: OptionRules<S3UploaderOptions> = {
  ...named,
  endpoint: required(
    ruleOf((field, value) => withoutQuery(field, value, '"https://s3.eu-central-1.amazonaws.com"', 'accessKeyId')),
  ),
  region: required(
    rule((value) => typeof value === 'string' && /^[a-z\d-]+$/i.test(value), "give the region, such as 'eu-central-1'"),
  ),
  bucket: required(
    rule((value) => typeof value === 'string' && /^[\w.-]+$/.test(value), 'give the name of the bucket alone'),
  ),
  accessKeyId: ruleOf((field, value) => unusable(field, credentialProblemOf(value) ?? plainProblem(value))),
  secretAccessKey: ruleOf((field, value) => unusable(field, plainProblem(value))),
  sessionToken: ruleOf((field, value) => unusable(field, credentialProblemOf(value) ?? plainProblem(value))),
  credentials: aFunction,
  key: keyTemplate,
  onExisting: choice('fail', 'overwrite'),
  url: {
    problems: (field, value) =>
      value === 'public'
        ? []
        : typeof value === 'object' && value !== null
          ? presigned.problems(field, value)
          : [optionProblem(field, value, "give an object of presignSeconds, or 'public'")],
  },
  publicBaseUrl: ruleOf((field, value) =>
    withoutQuery(field, value, '"https://media.example"', 'an address that anyone can open'),
  ),
  addressing: choice('path', 'virtual-hosted'),
  headers: ruleOf((field, value) => {
    const problems = headerRule.problems(field, value)
    const reserved = problems.length > 0 ? [] : Object.keys(Object(value)).filter((name) => RESERVED.test(name))
    const fix = 'leave it out: the uploader sets it, or no URL could carry it'
    return [
      ...problems,
      ...reserved.map((name) => ({ field: `${field}[${JSON.stringify(name)}]`, value: 'reserved', fix })),
    ]
  }),
  partBytes: number(
    (value) => Number.isInteger(value) && value >= SMALLEST_PART && value <= LARGEST_PART,
    `give whole bytes from ${SMALLEST_PART} to ${LARGEST_PART}`,
  ),
  multipartFromBytes: number(
    (value) => Number.isInteger(value) && value >= 0 && value <= LARGEST_PART,
    `give whole bytes from 0 to ${LARGEST_PART}`,
  ),
  timeoutMs: aTimeout,
  maxAttempts: whole(1),
  fetch: aFetch,
}

/** Problems of options that depend on each other. */
export function furtherProblems(options: S3UploaderOptions): readonly OptionProblem[] {
  const { endpoint, bucket, accessKeyId, secretAccessKey, credentials, url, publicBaseUrl } = options
  const hasPair = accessKeyId !== undefined && secretAccessKey !== undefined
  const hasPart = [accessKeyId, secretAccessKey, options.sessionToken].some((part) => part !== undefined)
  const problems: OptionProblem[] = []
  if (credentials === undefined && !hasPair) {
    const field = accessKeyId === undefined ? 'accessKeyId' : 'secretAccessKey'
    problems.push({ field, value: 'nothing', fix: 'give accessKeyId and secretAccessKey, or credentials' })
  }
  if (credentials !== undefined && hasPart) {
    problems.push({ field: 'credentials', value: 'given beside other keys', fix: 'give one of both' })
  }
  if (new URL(endpoint).pathname.replace(/\/+$/, '').endsWith(`/${bucket}`)) {
    problems.push(optionProblem('endpoint', 'an address with the bucket', 'leave the bucket out'))
  }
  if (url !== undefined && url !== 'public' && publicBaseUrl !== undefined) {
    problems.push(optionProblem('publicBaseUrl', publicBaseUrl, "leave it out, or set url to 'public'"))
  }
  return problems
}

function withoutQuery(field: string, value: unknown, example: string, forUser: string): OptionProblem {
  const problem = addressProblem(field, value, example, forUser)
  if (problem !== undefined || !/[?#]/.test(String(value))) return problem
  return optionProblem(field, 'an address with a query', 'leave it out')
}

function plainProblem(value: unknown): string | undefined {
  if (typeof value !== 'string') return 'it is not a text'
  if (value.trim() === '') return 'it is empty'
  return value.trim() === value ? undefined : 'it has blanks around it, leave them out'
}

function unusable(field: string, problem: string | undefined): OptionProblem {
  return problem === undefined ? undefined : { field, value: 'unusable', fix: problem }
}
