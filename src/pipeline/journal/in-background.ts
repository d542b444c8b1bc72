import { backgroundClock, systemClock } from '../../timing/system-clock.js'
import type { PipelineConfig } from '../options.js'
import { isFenced } from './store-calls.js'

const TRIES = 5
const AGAIN_MS = 1000

/**
 * Puts right what the store has, after the caller has its answer: tried five times within a quarter of a minute, for the store may be
 * down for a while. Does not keep a process alive. What cannot be put right stays, as after a crash; so does what another process
 * saved since.
 */
export function inBackground({ clock: given }: Pick<PipelineConfig, 'clock'>, act: () => Promise<void>): void {
  const clock = given === systemClock ? backgroundClock : given
  const untilDone = async () => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await act()
      } catch (error) {
        if (tries === TRIES || isFenced(error)) return
        await clock.sleep(AGAIN_MS * 2 ** (tries - 1))
      }
    }
  }
  untilDone().catch(ignored)
}

function ignored(): void {}
