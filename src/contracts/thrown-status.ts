import { fieldOf } from './thrown-value.js'

/** The HTTP status in an error itself, in the fields of the known clients. */
export function statusOf(error: unknown): number | undefined {
  const response = fieldOf(error, 'response')
  const places = [
    fieldOf(error, 'status'),
    fieldOf(error, 'statusCode'),
    fieldOf(response, 'status'),
    fieldOf(response, 'statusCode'),
    fieldOf(fieldOf(error, 'res'), 'statusCode'),
    fieldOf(fieldOf(error, 'output'), 'statusCode'),
    fieldOf(fieldOf(error, '$metadata'), 'httpStatusCode'),
  ]
  const code = httpStatusOf(fieldOf(error, 'code'))
  // Of Google's clients; a small number is not an HTTP status.
  const status = code !== undefined && code >= 400 ? code : undefined
  return places.map(httpStatusOf).find((each) => each !== undefined) ?? status
}

function httpStatusOf(value: unknown): number | undefined {
  const status = typeof value === 'string' && /^\d{3}$/.test(value) ? Number(value) : value
  const isStatus = typeof status === 'number' && Number.isInteger(status) && status >= 100 && status <= 599
  return isStatus ? status : undefined
}
