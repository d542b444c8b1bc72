// The program of a measurement: imports a module, calls its measure() once and sends the result.
// Without the process that started it, the result has no reader.
process.on('disconnect', () => process.exit(1))
const [module = '', parameters = '{}'] = process.argv.slice(2)
const { measure } = (await import(module)) as { measure(parameters: unknown): Promise<unknown> }
const result = await measure(JSON.parse(parameters))
// Timers and sockets of what was measured may be left, and would keep the process alive.
process.send?.(result, () => process.exit())
