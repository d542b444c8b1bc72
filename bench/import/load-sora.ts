/** Imports this library as a user does; `empty` stands for no library. */
export function load(name: string): Promise<object> {
  return name === 'empty' ? import('./empty.ts') : import('sora-pipeline')
}
