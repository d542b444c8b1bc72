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
 * Puts right what the store has, after the caller has its answer, for the store may be down for a while. Does not keep a process
 * alive. What cannot be put right stays, as after a crash; so does what another process saved since.
 */
export function inBackground(
  { clock: given }: Pick<PipelineConfig, 'clock'>,
  act: () => Promise<void>,
  tries = SOON,
): void {
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
  untilDone().catch(ignored)
}

function ignored(): void {}
