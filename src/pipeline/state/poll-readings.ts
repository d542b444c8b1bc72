import { COMPLETE_READINGS, type PollReading } from '../../contracts/poll-schedule.js'

const MAX_READINGS = 2 * COMPLETE_READINGS

/** The readings that a state keeps: where progress moved, and the latest polls. A schedule does not need the polls in between. */
export function thinned(readings: readonly PollReading[]): readonly PollReading[] {
  if (readings.length <= MAX_READINGS) return readings
  const isMove = (index: number) => readings[index]?.ratio !== readings[index - 1]?.ratio
  const recent = readings.length - COMPLETE_READINGS
  const kept = readings.filter((_, index) => index === 0 || index >= recent || isMove(index))
  return kept.length < readings.length
    ? kept
    : kept.filter((_, index) => index === 0 || index >= recent || index % 2 === 0)
}
