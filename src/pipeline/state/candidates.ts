import type { GeneratedVideo } from '../../contracts/generator.js'
import type { ResolvedVideo } from '../../contracts/resolver.js'
import type { UploadedVideo } from '../../contracts/uploader.js'
import type { Candidate, RunState } from './run-state.js'

// A copy of one's own outlives a mirror, and a mirror the address that the generator gave out.
const RANKS: Readonly<Record<Candidate['servedBy'], number>> = { uploader: 2, resolver: 1, generator: 0 }

/** The candidates of a state; one that was saved without them has those of its stages. */
function candidatesOf({ candidates, video, resolved, uploaded }: RunState): readonly Candidate[] {
  if (candidates !== undefined) return candidates
  return [
    ...(video?.url === undefined ? [] : [candidate('generator', { ...video, url: video.url })]),
    ...(resolved ? [candidate('resolver', resolved)] : []),
    ...(uploaded ? [candidate('uploader', uploaded)] : []),
  ]
}

/** The candidates with what a generator gave; unchanged when that is only behind a key. */
export function withGenerated(state: RunState, { url, source, expiresAt }: GeneratedVideo): readonly Candidate[] {
  const address = url ?? (source?.isPublic === true ? source.url : undefined)
  if (address === undefined) return candidatesOf(state)
  return withCandidate(state, candidate('generator', { url: address, expiresAt: expiresAt ?? source?.expiresAt }))
}

/** The candidates with what a resolver or an uploader gave; one that tells of the file has seen it. */
export function withFound(
  state: RunState,
  servedBy: 'resolver' | 'uploader',
  found: ResolvedVideo | UploadedVideo,
  now: number,
): readonly Candidate[] {
  const isSeen = found.byteLength !== undefined || ('mediaType' in found && found.mediaType !== undefined)
  return withCandidate(state, { ...candidate(servedBy, found), ...(isSeen && { verifiedAt: now }) })
}

/** The candidates after somebody opened a URL, or could not. */
export function withTrial(state: RunState, url: string, trial: { readonly didServe: boolean; readonly at: number }) {
  const seen = trial.didServe ? { verifiedAt: trial.at } : { failedAt: trial.at }
  return candidatesOf(state).map((known) => (known.url === url ? { ...known, ...seen } : known))
}

/** Whether nothing speaks against a candidate. */
export function isUsable({ expiresAt, verifiedAt, failedAt }: Candidate, now: number): boolean {
  const hasExpired = expiresAt !== undefined && expiresAt <= now
  const hasFailed = failedAt !== undefined && failedAt >= (verifiedAt ?? Number.NEGATIVE_INFINITY)
  return !hasExpired && !hasFailed
}

/** The best URL of a state: one that nothing speaks against before one that something does, and the newest of its rank. */
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
  // To be told of a URL again does not make it better than it was seen to be.
  const { verifiedAt, failedAt } = known.find(isSame) ?? fresh
  const seen = { ...(verifiedAt !== undefined && { verifiedAt }), ...(failedAt !== undefined && { failedAt }) }
  return [...known.filter((one) => !isSame(one)), { ...seen, ...fresh }]
}
