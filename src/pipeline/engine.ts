import type { VideoRequest } from '../contracts/request.js'
import type { PipelineResult } from '../contracts/result.js'
import type { RunQuery } from '../contracts/run-store.js'
import type { VideoSource } from '../contracts/source.js'
import { advanceStored } from './advance-run.js'
import { createStored } from './create-run.js'
import { diagnose, type PipelineDiagnosis } from './diagnose.js'
import { type Drive, driveTraced } from './drive-run.js'
import { type Adoption, adoptJob } from './journal/adopt-run.js'
import { isNamedElsewhere } from './journal/hold-run.js'
import type { RunOrigin } from './journal/open-run.js'
import { eraseRun, type PruneOptions, pruneRuns } from './journal/retention.js'
import { retriedRequest } from './journal/retried-request.js'
import { type ReviewVerdict, settleRun } from './journal/settle-run.js'
import type { StoredState } from './journal/store-calls.js'
import { dueRuns, unfinishedRuns } from './journal/unfinished-runs.js'
import { wakeStored } from './journal/wake-run.js'
import { configOfCore, type PipelineConfig, withOwnWorker } from './pipeline-config.js'
import type { PipelineCore } from './pipeline-core.js'
import { type RunDetails, readDetails } from './run-details.js'
import type { OpenVideoOptions } from './run-options.js'
import { listRecords, type RunRecord, readRecord, recordOf } from './run-record.js'
import type { RunSession } from './run-session.js'
import type { RunWaits } from './run-waits.js'
import { openKeptVideo, removeKept } from './video/kept-run.js'

/**
 * All that works on the runs of one pipeline or reads them from its store. Its modules import each other, but are imported at the
 * start of a program only by parts that use them there: a bundle of {@link SoraPipeline} alone has them in a file of its own, which
 * `load-engine.ts` loads before a run is saved. Nothing in here is loaded later, except for the parts that `loadParts` loads then.
 */
export class PipelineEngine {
  readonly config: PipelineConfig

  constructor(core: PipelineCore) {
    this.config = configOfCore(core)
  }

  drive(drive: Omit<Drive, 'trace'>, { hasOwnWorker }: { readonly hasOwnWorker: boolean }): Promise<PipelineResult> {
    return driveTraced(hasOwnWorker ? withOwnWorker(this.config) : this.config, drive)
  }

  advance(id: string, waits: RunWaits): Promise<StoredState | undefined> {
    return advanceStored(this.config, id, waits)
  }

  isNamedElsewhere(session: RunSession): boolean {
    return isNamedElsewhere(session)
  }

  create(origin: RunOrigin): Promise<void> {
    return createStored(this.config, origin)
  }

  adopt(adoption: Adoption): Promise<void> {
    return adoptJob(this.config, adoption)
  }

  retried(id: string, changes: Partial<VideoRequest>): ReturnType<typeof retriedRequest> {
    return retriedRequest(this.config, id, changes)
  }

  settle(id: string, verdict: ReviewVerdict): Promise<void> {
    return settleRun(this.config, id, verdict)
  }

  unfinished(limit: number, live: Parameters<typeof unfinishedRuns>[2]): Promise<readonly string[]> {
    return unfinishedRuns(this.config, limit, live)
  }

  due(limit: number): Promise<readonly string[]> {
    return dueRuns(this.config, limit)
  }

  wake(id: string): Promise<void> {
    return wakeStored(this.config, id)
  }

  read(id: string): Promise<RunRecord | undefined> {
    return readRecord(this.config, id)
  }

  recordOf(saved: StoredState): RunRecord {
    return recordOf(this.config, saved)
  }

  inspect(id: string): Promise<RunDetails | undefined> {
    return readDetails(this.config, id)
  }

  list(query: RunQuery): Promise<readonly RunRecord[]> {
    return listRecords(this.config, query)
  }

  openVideo(id: string, options: OpenVideoOptions, source: VideoSource | undefined): Promise<VideoSource> {
    return openKeptVideo(this.config, id, options, source)
  }

  remove(id: string): Promise<void> {
    return removeKept(this.config, id)
  }

  prune(options: PruneOptions): Promise<number> {
    return pruneRuns(this.config, options)
  }

  erase(id: string): Promise<void> {
    return eraseRun(this.config, id)
  }

  diagnose(): Promise<PipelineDiagnosis> {
    return diagnose(this.config)
  }
}
