const warned = new Set<string>()

/**
 * Emits a process warning, once per process for each code. Workers and browsers may have no process, or one without
 * warnings.
 */
export function warnOnce(code: string, message: string): void {
  if (warned.has(code) || typeof process === 'undefined' || typeof process.emitWarning !== 'function') return
  warned.add(code)
  process.emitWarning(message, { code })
}
