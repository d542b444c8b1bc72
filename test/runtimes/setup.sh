#!/usr/bin/env bash
# Installs the other runtimes that the tests need, each beside this file in a folder of its own: only where one is missing or its
# version has changed. Needs npm, and the network when there is something to do.
set -euo pipefail
cd "$(dirname "$0")"

for folder in */; do
  runtime="${folder%/}"
  [ -f "$runtime/package.json" ] || continue
  # Copied there last, so an installation that was not finished is made again.
  if cmp --silent "$runtime/package.json" "$runtime/node_modules/.installed.json"; then
    echo "runtimes: $runtime is up to date"
    continue
  fi
  echo "runtimes: installing $runtime"
  rm -rf "$runtime/node_modules"
  npm install --prefix "$runtime" --no-package-lock --no-audit --no-fund --loglevel=error
  cp "$runtime/package.json" "$runtime/node_modules/.installed.json"
done
