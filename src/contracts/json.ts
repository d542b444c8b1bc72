/** Anything that `JSON.stringify` writes and `JSON.parse` gives back unchanged. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject

/** A JSON object. An absent key and `undefined` are the same thing. */
export type JsonObject = { readonly [key: string]: JsonValue | undefined }
