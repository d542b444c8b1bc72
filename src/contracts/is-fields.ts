/** Whether a value is an object of fields: not a list, and neither a `Map` nor `Headers`, whose entries are no fields. */
export function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(value) === '[object Object]'
}
