import type { Channel, TracingChannel } from 'node:diagnostics_channel'

/** The diagnostics channels of the library, and a way back into an async context. */
export interface Channels {
  /** `sora-pipeline:run` */
  readonly run: TracingChannel<unknown, object>
  /** `sora-pipeline:attempt` */
  readonly attempt: TracingChannel<unknown, object>
  /** `sora-pipeline:cleanup` */
  readonly cleanup: TracingChannel<unknown, object>
  /** `sora-pipeline:event` */
  readonly event: Channel
  /** Captures the current async context. The result calls a function in it. */
  readonly snapshot: () => <T>(call: () => T) => T
}

let known: Channels | 'missing' | undefined

/** The channels; `undefined` where the runtime has none. Loaded at the first call, because most programs never subscribe. */
export function channels(): Channels | undefined {
  known ??= load() ?? 'missing'
  return known === 'missing' ? undefined : known
}

function load(): Channels | undefined {
  try {
    const diagnostics = process.getBuiltinModule('node:diagnostics_channel')
    if (typeof diagnostics?.tracingChannel !== 'function') return undefined
    const found: Channels = {
      run: diagnostics.tracingChannel<unknown, object>('sora-pipeline:run'),
      attempt: diagnostics.tracingChannel<unknown, object>('sora-pipeline:attempt'),
      cleanup: diagnostics.tracingChannel<unknown, object>('sora-pipeline:cleanup'),
      event: diagnostics.channel('sora-pipeline:event'),
      snapshot: () => process.getBuiltinModule('node:async_hooks').AsyncLocalStorage.snapshot(),
    }
    // A runtime may have only a part of the module: then nothing can subscribe either.
    return typeof found.run.start.hasSubscribers === 'boolean' ? found : undefined
  } catch {
    // A runtime that names the module without having it.
    return undefined
  }
}

/** Whether anything subscribes to a tracing channel. In Bun only its parts can say. */
export function isFollowed({ start, end, asyncStart, asyncEnd, error }: TracingChannel<unknown, object>): boolean {
  return (
    start.hasSubscribers ||
    asyncEnd.hasSubscribers ||
    error.hasSubscribers ||
    end.hasSubscribers ||
    asyncStart.hasSubscribers
  )
}
