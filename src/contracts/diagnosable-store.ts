/** What a store may offer for diagnosis, such as to `sora-pipeline doctor`. */
export interface DiagnosableStore {
  /** What it keeps, and for whom. The stores of this library have it. */
  readonly durability?: StoreDurability | undefined
  /** Settings of its server with which it cannot keep that; empty if there is none. Only reads. */
  checkServer?(): Promise<readonly ServerProblem[]>
}

/** What a store keeps, and for whom. */
export interface StoreDurability {
  /** What it is, such as `sqlite`. */
  readonly kind: string
  /** Where it is, without secrets, such as the absolute path of a file. `sora-pipeline doctor` prints it. */
  readonly place?: string | undefined
  /** What a saved state survives. `power-cut` includes `restart`: a save is on the disk when it counts. */
  readonly survives: 'nothing' | 'restart' | 'power-cut'
  /** The processes that may work on its runs together. */
  readonly sharedBy: 'one-process' | 'one-machine' | 'many-machines'
}

/** A setting of a server with which a store cannot keep what it promises. */
export interface ServerProblem {
  /** Its name, such as `appendfsync`. */
  readonly setting: string
  /** What it is set to; `unknown` when the server does not show it. */
  readonly value: string
  /** What to set it to, and why. */
  readonly fix: string
}

/** What a store declares; `undefined` if a part is missing or is not one of the values. */
export function durabilityOf({ durability }: DiagnosableStore): StoreDurability | undefined {
  const { kind, place, survives, sharedBy } = Object(durability) as StoreDurability
  const isKnown =
    typeof kind === 'string' &&
    ['nothing', 'restart', 'power-cut'].includes(survives) &&
    ['one-process', 'one-machine', 'many-machines'].includes(sharedBy)
  return isKnown ? { kind, ...(typeof place === 'string' && { place }), survives, sharedBy } : undefined
}
