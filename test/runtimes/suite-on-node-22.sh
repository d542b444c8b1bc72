#!/usr/bin/env bash
# Runs the tests under Node 22.12, the oldest that the package supports. There, node:sqlite is behind a flag, and so is running
# TypeScript, which tests do that start processes of their own. Parameters are those of vitest. Needs setup.sh, and a build.
set -euo pipefail
cd "$(dirname "$0")/../.."

bin="$PWD/test/runtimes/node-22.12/node_modules/node/bin"
[ -x "$bin/node" ] || { echo "Could not run Node 22.12: run test/runtimes/setup.sh first" >&2; exit 1; }
export PATH="$bin:$PATH"
export NODE_OPTIONS="--experimental-sqlite --experimental-strip-types --disable-warning=ExperimentalWarning"
echo "tests on Node $(node --version)"
exec node node_modules/vitest/vitest.mjs run --config test/runtimes/node-22.config.ts "$@"
