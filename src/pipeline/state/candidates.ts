import type { GeneratedVideo } from '../../contracts/generator.js'
import type { ResolvedVideo } from '../../contracts/resolver.js'
import type { UploadedVideo } from '../../contracts/uploader.js'
import type { Candidate, RunState } from './run-state.js'

// An uploaded copy outlives a resolved URL, and a resolved URL outlives that of the generator.
const RANKS: Readonly<Record<Candidate['servedBy'], number>> = { uploader: 2, resolver: 1, generator: 0 }

/** The candidates of a state; a state without them has the URLs of its stages. */
function candidatesOf({ candidates, video, resolved, uploaded }: RunState): readonly Candidate[] {
  if (candidates !== undefined) return candidates
  return [
    ...(video?.url === undefined ? [] : [candidate('generator', { ...video, url: video.url })]),
    ...(resolved ? [candidate('resolver', resolved)] : []),
    ...(uploaded ? [candidate('uploader', uploaded)] : []),
  ]
}

/** The candidates with the URL of a generator; unchanged if the video is only behind a key. */
export function withGenerated(state: RunState, { url, source, expiresAt }: GeneratedVideo): readonly Candidate[] {
  const address = url ?? (source?.isPublic === true ? source.url : undefined)
  if (address === undefined) return candidatesOf(state)
  return withCandidate(state, candidate('generator', { url: address, expiresAt: expiresAt ?? source?.expiresAt }))
}

/** The candidates with the URL of a resolver or uploader. A result with facts about the file has seen it. */
export function withFound(
  state: RunState,
  servedBy: 'resolver' | 'uploader',
  found: ResolvedVideo | UploadedVideo,
  now: number,
): readonly Candidate[] {
  const isSeen = found.byteLength !== undefined || ('mediaType' in found && found.mediaType !== undefined)
  return withCandidate(state, { ...candidate(servedBy, found), ...(isSeen && { verifiedAt: now }) })
}

/** The candidates after a URL was opened, or failed to open. */
export function withTrial(state: RunState, url: string, trial: { readonly didServe: boolean; readonly at: number }) {
  const seen = trial.didServe ? { verifiedAt: trial.at } : { failedAt: trial.at }
  return candidatesOf(state).map((known) => (known.url === url ? { ...known, ...seen } : known))
}

/** Whether a candidate has not expired or failed to open. */
export function isUsable({ expiresAt, verifiedAt, failedAt }: Candidate, now: number): boolean {
  const hasExpired = expiresAt !== undefined && expiresAt <= now
  const hasFailed = failedAt !== undefined && failedAt >= (verifiedAt ?? Number.NEGATIVE_INFINITY)
  return !hasExpired && !hasFailed
}

/** The best URL of a state: usable candidates first, then by rank, then the newest. */
export function bestCandidate(state: RunState, now: number): Candidate | undefined {
  const worth = (one: Candidate) => (isUsable(one, now) ? 10 : 0) + RANKS[one.servedBy]
  return candidatesOf(state).reduce<Candidate | undefined>(
    (best, one) => (best === undefined || worth(one) >= worth(best) ? one : best),
    undefined,
  )
}

function candidate(
  servedBy: Candidate['servedBy'],
  { url, expiresAt }: { readonly url: string; readonly expiresAt?: number | undefined },
): Candidate {
  return { url, servedBy, ...(expiresAt !== undefined && { expiresAt }) }
}

function withCandidate(state: RunState, fresh: Candidate): readonly Candidate[] {
  const known = candidatesOf(state)
  const isSame = ({ url, servedBy }: Candidate) => url === fresh.url && servedBy === fresh.servedBy
  // A URL that is reported again keeps its last observed state.
  const { verifiedAt, failedAt } = known.find(isSame) ?? fresh
  const seen = { ...(verifiedAt !== undefined && { verifiedAt }), ...(failedAt !== undefined && { failedAt }) }
  return [...known.filter((one) => !isSame(one)), { ...seen, ...fresh }]
}
