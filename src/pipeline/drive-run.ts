import { toErrorJson } from '../contracts/errors.js'
import { RecordedError } from '../contracts/recorded-error.js'
import { type PipelineResult, toResultJson } from '../contracts/result.js'
import type { StageName } from '../contracts/stage.js'
import type { EventLog } from './event-log.js'
import { releaseJob } from './generate/admit-job.js'
import { advanceGenerate } from './generate/generate-stage.js'
import { stopUpstream } from './generate/stop-upstream.js'
import { endRun } from './journal/end-run.js'
import { goOnAfterRace } from './journal/lost-race.js'
import { openRun, type RunOrigin } from './journal/open-run.js'
import { reloadState, saveState } from './journal/run-journal.js'
import { isFenced } from './journal/store-calls.js'
import { holdsLease, isLeasedElsewhere, keepingLease, takeLease } from './journal/worker-lease.js'
import { advancePublish, advanceResolve, advanceUnpublish, advanceUpload } from './later-stages.js'
import type { PipelineConfig } from './options.js'
import type { RunSession } from './run-session.js'
import type { RunIdentity, Step } from './state/run-state.js'
import { resultOf } from './video/run-result.js'
import { secureUrl } from './video/secure-url.js'

const STEPS: Readonly<Record<Exclude<Step, 'finish'>, (session: RunSession) => Promise<void>>> = {
  generate: advanceGenerate,
  publish: advancePublish,
  resolve: advanceResolve,
  upload: advanceUpload,
  unpublish: advanceUnpublish,
}

// How often a run that another process works on is looked at.
const WATCH_MS = 1000

/** Takes a run to its end, or watches the process that does. Rejects with `signal.reason` itself after an abort. */
export async function driveRun(
  config: PipelineConfig,
  run: {
    readonly origin: RunOrigin
    readonly log: EventLog
    readonly signal: AbortSignal
    readonly onOpen: (identity: RunIdentity) => void
  },
): Promise<PipelineResult> {
  const { log, signal } = run
  let session: RunSession | undefined
  try {
    const opened = await openRun(config, run)
    session = opened.session
    run.onOpen(session.state)
    log.append({ type: opened.isNew ? 'run-started' : 'run-resumed', stages: stagesOf(config) })
    for (let races = 1; ; races += 1) {
      try {
        await work(session)
        return await finish(session)
      } catch (error) {
        // Another process has saved: what it did counts, and this one goes on from there, or watches.
        if (!isFenced(error) || signal.aborted) throw error
        await goOnAfterRace(session)
        if (races > 1) await config.clock.sleep(Math.min(WATCH_MS, 2 ** races), { signal })
      }
    }
  } catch (error) {
    if (session === undefined) log.append({ type: 'run-started', stages: stagesOf(config) })
    if (signal.aborted) {
      const upstream = session && (await stopUpstream(session))
      const reason = { ...toErrorJson(signal.reason), code: 'aborted' } as const
      await endRun({ log, session }, reason, { isAborted: true, upstream })
      throw signal.reason
    }
    await endRun({ log, session }, toErrorJson(error), { isAborted: false, upstream: session?.upstream })
    throw error
  } finally {
    if (session) releaseJob(session)
  }
}

async function work(session: RunSession): Promise<void> {
  const { clock } = session.config
  while (session.state.status === 'running' && session.state.step !== 'finish') {
    session.signal.throwIfAborted()
    if (isLeasedElsewhere(session)) {
      const leasedMs = (session.state.lease?.until ?? 0) - clock.now()
      await clock.sleep(Math.min(WATCH_MS, leasedMs + 1), { signal: session.signal })
      await reloadState(session)
      continue
    }
    const waitMs = session.state.wakeAt - clock.now()
    if (waitMs > 0) {
      await clock.sleep(waitMs, { signal: session.signal })
    } else if (holdsLease(session)) {
      await keepingLease(session, () => advance(session))
    } else {
      await takeLease(session)
    }
  }
  session.signal.throwIfAborted()
}

// Takes one step of a run: at most one effect outside, saved by compare-and-set.
async function advance(session: RunSession): Promise<void> {
  const { step } = session.state
  if (step !== 'finish') await STEPS[step](session)
}

async function finish(session: RunSession): Promise<PipelineResult> {
  const { log, config } = session
  const { error } = session.state
  // Whose video is only behind a key still has its source: the error is made anew, with it.
  if (error && error.code !== 'no-usable-url') throw new RecordedError(error)
  if (session.state.status === 'running') await keepingLease(session, () => secureUrl(session))
  const endedAt = session.state.endedAt ?? config.clock.now()
  resultOf(session, endedAt) // Rejects before the run is saved as completed.
  if (session.state.status === 'running') await saveState(session, { status: 'completed', endedAt })
  const result = resultOf(session, endedAt)
  log.append({ type: 'run-completed', result: toResultJson(result) })
  return result
}

function stagesOf(config: PipelineConfig): StageName[] {
  const { publisher, resolver, uploader } = config
  return [
    'generate',
    ...(publisher ? ['publish' as const] : []),
    ...(resolver ? ['resolve' as const] : []),
    ...(uploader ? ['upload' as const] : []),
  ]
}
