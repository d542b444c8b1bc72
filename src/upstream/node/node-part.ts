// Loaded at first use, because they take longer to load than the rest of the library; if they are missing, fetch is
// used.
const builtin = typeof process === 'object' ? process.getBuiltinModule : undefined

/** Whether the modules of Node exist here. */
export const hasNodeParts = builtin !== undefined

interface NodeParts {
  readonly 'node:http': typeof import('node:http')
  readonly 'node:https': typeof import('node:https')
  readonly 'node:stream': typeof import('node:stream')
  readonly 'node:zlib': typeof import('node:zlib')
}

/** A module of Node; call it only if {@link hasNodeParts}. */
export function nodePart<Id extends keyof NodeParts>(id: Id): NodeParts[Id] {
  return (builtin as (id: string) => NodeParts[Id])(id)
}
