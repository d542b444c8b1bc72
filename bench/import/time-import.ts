/** A package, and the file whose `load` imports it. */
export interface ImportTask {
  readonly loader: string
  readonly name: string
}

/** Milliseconds that the first import of a package takes in a new process. */
export async function measure({ loader, name }: ImportTask): Promise<number> {
  const { load } = (await import(loader)) as { load(name: string): Promise<object> }
  const startedAt = performance.now()
  await load(name)
  return performance.now() - startedAt
}
