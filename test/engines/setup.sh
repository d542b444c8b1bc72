#!/usr/bin/env bash
# Installs the workflow engines whose recipes are compiled, here: only where they are missing or the lock file has changed. Needs the
# network when there is something to do.
set -euo pipefail
cd "$(dirname "$0")"

# Copied there last, so an installation that was not finished is made again.
if cmp --silent package-lock.json node_modules/installed-lock.json; then
  echo "engines: node_modules is up to date"
  exit
fi
echo "engines: installing from package-lock.json"
npm ci --silent --no-audit --no-fund
cp package-lock.json node_modules/installed-lock.json
echo "engines: installed"
