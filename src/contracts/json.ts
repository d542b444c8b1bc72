/** Any value that `JSON.stringify` writes and `JSON.parse` returns unchanged. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject

/** A JSON object. A key that is `undefined` is the same as an absent key. */
export type JsonObject = { readonly [key: string]: JsonValue | undefined }
