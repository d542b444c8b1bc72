import { backgroundOf } from '../../timing/system-clock.js'
import type { PipelineConfig } from '../pipeline-config.js'
import { isFenced } from './store-calls.js'

const AGAIN_MS = 1000
const LONGEST_PAUSE_MS = 30_000
/** About a quarter of a minute. */
const SOON = 5
/** About a quarter of an hour. */
export const PATIENTLY = 35

/**
 * Corrects the store after the caller has its result, because the store may be down for a while. Does not keep the process alive.
 * Resolves when it is corrected or given up.
 * If it cannot be corrected, the store stays as after a crash. A newer save of another process stays as well.
 */
export function inBackground(
  { clock: given }: Pick<PipelineConfig, 'clock'>,
  act: () => Promise<void>,
  tries = SOON,
): Promise<void> {
  const clock = backgroundOf(given)
  const untilDone = async () => {
    for (let tried = 1; ; tried += 1) {
      try {
        return await act()
      } catch (error) {
        if (tried === tries || isFenced(error)) return
        await clock.sleep(Math.min(LONGEST_PAUSE_MS, AGAIN_MS * 2 ** (tried - 1)))
      }
    }
  }
  return untilDone().catch(ignored)
}

function ignored(): void {}
