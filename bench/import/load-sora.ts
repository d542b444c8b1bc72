/** Imports this library as a user does; `empty` stands for no library, and `first-run` runs a pipeline of one line as well. */
export function load(name: string): Promise<object> {
  if (name === 'first-run') return firstRun()
  return name === 'empty' ? import('./empty.ts') : import('sora-pipeline')
}

async function firstRun(): Promise<object> {
  const { SoraPipeline } = await import('sora-pipeline')
  const generator = { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) }
  return new SoraPipeline({ generator }).generate({ prompt: 'A cat' })
}
