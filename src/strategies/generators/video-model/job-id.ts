import type { JsonValue } from '../../../contracts/json.js'
import { sha256Of } from '../../../contracts/sha256.js'
import { isRecord } from '../../../upstream/is-record.js'
import { carriesSecret } from '../../../upstream/secret.js'

const ID_NAME = /^(?:id|name)$|(?:_|[a-z])(?:id|name|Id|Name)$/
const LONGEST = 200

/**
 * The id of a job in the operation of a model, such as `{ requestId }`, `{ operationName }` or `{ responseUrl }`, whose last part it
 * is; a digest of the operation if it has none that can be shown.
 */
export function jobIdOf(operation: JsonValue): string {
  const fields = isRecord(operation) ? Object.entries(operation) : [['id', operation] as const]
  const texts = fields.filter((field): field is [string, string] => typeof field[1] === 'string' && field[1] !== '')
  const named = texts.find(([name, text]) => ID_NAME.test(name) && !URL.canParse(text))?.[1]
  const id = named ?? texts.map(([, text]) => lastPartOf(text)).find((part) => part !== undefined)
  const isFine = id !== undefined && id.length <= LONGEST && !carriesSecret(id, [])
  return isFine ? id : sha256Of(JSON.stringify(operation)).slice(0, 32)
}

function lastPartOf(text: string): string | undefined {
  if (!/^https?:/i.test(text) || !URL.canParse(text)) return undefined
  return new URL(text).pathname.split('/').findLast((part) => part !== '')
}
