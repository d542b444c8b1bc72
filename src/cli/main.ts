#!/usr/bin/env node
// Imports nothing statically: an older Node has to parse this file, and may be unable to parse the others.

const OLDEST_NODE = '22.12'

if (isSupported(process.versions.node)) {
  import('./command-line.js').then(async ({ runCommandLine }) => {
    const exitCode = await runCommandLine(process.argv.slice(2), {
      stdout: process.stdout,
      stderr: process.stderr,
      stdin: process.stdin,
      signals: process,
      isDumb: process.env.TERM === 'dumb',
      env: process.env,
    })
    for (const stream of [process.stdout, process.stderr]) await flushed(stream)
    // The clients of a file of --config, such as those of Redis, would keep the process alive.
    process.exit(exitCode)
  })
} else {
  process.stderr.write(
    `Could not start sora-pipeline: it needs Node ${OLDEST_NODE} or later, and this is Node ${process.versions.node}; ` +
      'install a later Node, or run it with a separate Node: npx -p node@24 -p sora-pipeline sora-pipeline demo\n',
  )
  process.exitCode = 3
}

// A pipe may still have to take a part of the output.
function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()))
}

function isSupported(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE.split('.').map(Number)
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)
}
