import type { PipelineDiagnosis, StrategyDiagnosis } from 'sora-pipeline'
import { toErrorJson } from '../../contracts/errors.js'
import type { ServiceReport } from './report.js'

const LIMIT_MS = 5000

/** Whether the services of a diagnosis answer. Those without a check of their own get one HEAD request without credentials. */
export async function servicesOf({ strategies }: PipelineDiagnosis): Promise<readonly ServiceReport[]> {
  const reports = await Promise.all(strategies.map(reportsOf))
  return reports.flat()
}

async function reportsOf(strategy: StrategyDiagnosis): Promise<readonly ServiceReport[]> {
  const { stage, name, endpoints, outcome, durationMs, error } = strategy
  const named = { stage, strategy: name }
  const [url] = endpoints
  if (outcome !== 'unchecked') {
    const checked = {
      ...named,
      ...(url !== undefined && { url }),
      outcome,
      ...(durationMs !== undefined && { durationMs }),
    }
    return [{ ...checked, isChecked: true, ...(error && { error: error.message }) }]
  }
  if (endpoints.length === 0) return [{ ...named, outcome }]
  return Promise.all(endpoints.map(async (endpoint) => ({ ...named, url: endpoint, ...(await probed(endpoint)) })))
}

// Any answer shows that the server is there: what the base URL itself answers means nothing.
async function probed(url: string): Promise<Pick<ServiceReport, 'outcome' | 'durationMs' | 'error'>> {
  const startedAt = performance.now()
  const durationMs = () => Math.round(performance.now() - startedAt)
  try {
    const answer = await fetch(url, { method: 'HEAD', redirect: 'manual', signal: AbortSignal.timeout(LIMIT_MS) })
    await answer.body?.cancel()
    if (answer.status < 500 || answer.status === 501) return { outcome: 'ok', durationMs: durationMs() }
    return { outcome: 'failed', durationMs: durationMs(), error: `it answered with status ${answer.status}` }
  } catch (error) {
    const { cause } = Object(error) as { readonly cause?: unknown }
    const { code } = Object(cause) as { readonly code?: unknown }
    return {
      outcome: 'failed',
      durationMs: durationMs(),
      error: typeof code === 'string' ? code : toErrorJson(error).message,
    }
  }
}
