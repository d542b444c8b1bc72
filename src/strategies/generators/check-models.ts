import type { CheckContext } from '../../contracts/diagnosis.js'
import type { Api } from '../../upstream/api.js'

// Servers without a list of models answer one of these, after they have read the key or without reading it.
const NO_LIST = [404, 405, 501]

/** Checks the key of a server with the list of its models, which costs nothing. A server without such a list passes. */
export async function checkModels(
  api: Api,
  { signal, timeoutMs }: Pick<CheckContext, 'signal'> & { readonly timeoutMs: number },
): Promise<void> {
  const call = { what: 'list the models', method: 'GET', url: api.address('/models') } as const
  await api.call({ ...call, accepts: NO_LIST, timeoutMs, signal, maxBytes: MAX_BYTES })
}

// Servers with hundreds of models exist.
const MAX_BYTES = 10_000_000
