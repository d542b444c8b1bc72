/** One server-sent event: its name (`message` without one) and its data as it was written. */
export interface ReadEvent {
  readonly event: string
  readonly data: string
}

/** Reads the whole of a stream with line ends of LF. */
export function readEvents(text: string): readonly ReadEvent[] {
  return text
    .split('\n\n')
    .filter((block) => block !== '')
    .map((block) => {
      const fields = new Map(block.split('\n').map((line) => line.split(/: (.*)/s) as [string, string]))
      return { event: fields.get('event') ?? 'message', data: fields.get('data') ?? '' }
    })
}
