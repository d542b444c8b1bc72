/** Whether a value does not look like words: it has a digit, or a capital in its middle. */
export function looksRandom(value: string): boolean {
  return /\d|[a-z\d][A-Z]/.test(value)
}
