import type { PollReading } from '../../contracts/poll-schedule.js'

const MAX_READINGS = 120

/** Readings that a state keeps: a schedule reads where progress moved and how often was polled lately; the polls in between may go. */
export function thinned(readings: readonly PollReading[]): readonly PollReading[] {
  if (readings.length <= MAX_READINGS) return readings
  const isMove = (index: number) => readings[index]?.ratio !== readings[index - 1]?.ratio
  const recent = readings.length - MAX_READINGS / 2
  const kept = readings.filter((_, index) => index === 0 || index >= recent || isMove(index))
  return kept.length < readings.length
    ? kept
    : kept.filter((_, index) => index === 0 || index >= recent || index % 2 === 0)
}
