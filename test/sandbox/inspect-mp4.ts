import { BufferSource, EncodedPacketSink, Input, MP4 } from 'mediabunny'

/** What an independent reader finds in an MP4. */
export async function inspectMp4(bytes: Uint8Array) {
  const input = new Input({ formats: [MP4], source: new BufferSource(bytes) })
  const track = await input.getPrimaryVideoTrack()
  if (track === null) throw new Error('No video track in the file')
  const packets: { readonly type: string; readonly isIdr: boolean; readonly timestamp: number }[] = []
  for await (const { type, data, timestamp } of new EncodedPacketSink(track).packets()) {
    // The type of the first unit of the packet stands behind its length of four bytes; 5 is a picture that needs no other.
    packets.push({ type, isIdr: ((data[4] ?? 0) & 31) === 5, timestamp })
  }
  const { codec, displayWidth: width, displayHeight: height } = track
  return { codec, width, height, durationSeconds: await track.computeDuration(), packets }
}
