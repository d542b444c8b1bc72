import { type MakeVideo, type Played, play, type Workload } from './workload.ts'

/** A client, in the file that exports its `createClient`. */
export interface ClientFile {
  /** Address of the file. */
  readonly client: string
  readonly origin: string
  readonly workload: Workload
}

/** Plays a workload with one client, in this process. */
export async function measure({ client, origin, workload }: ClientFile): Promise<Played> {
  const { createClient } = (await import(client)) as { createClient(origin: string): MakeVideo }
  return play(createClient(origin), workload)
}
