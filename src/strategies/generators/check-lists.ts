import type { CheckContext } from '../../contracts/diagnosis.js'
import type { Api } from '../../upstream/api.js'

// Answers of servers without a list: the key may not have been read.
const NO_LIST = [404, 405, 501]
const MAX_BYTES = 10_000_000

/**
 * Checks the key of a server with the first of these lists that it has, which costs nothing. A server without any of them passes.
 */
export async function checkLists(
  api: Api,
  {
    paths,
    signal,
    timeoutMs,
  }: Pick<CheckContext, 'signal'> & { readonly paths: readonly string[]; readonly timeoutMs: number },
): Promise<void> {
  for (const path of paths) {
    const call = { what: 'check the access', method: 'GET', url: api.address(path) } as const
    const { status } = await api.call({ ...call, accepts: NO_LIST, timeoutMs, signal, maxBytes: MAX_BYTES })
    if (!NO_LIST.includes(status)) return
  }
}
