#!/usr/bin/env bash
# Gets the real storage servers, beside this file: rclone (WebDAV and a plain S3), Azurite (Azure Blob Storage) and versitygw (a strict
# S3). Only what is missing or of another version. Needs python3 with venv, the packages of this repository, and the network when there
# is something to do. versitygw is built from its sources, which takes Go and two minutes: without Go it is left out, and its tests fail
# where STORAGE_REQUIRED is 1.
set -euo pipefail
cd "$(dirname "$0")"
node=$(cd ../../node_modules/node/bin && pwd)

if ! cmp --silent requirements.txt .venv/requirements.txt; then
  echo "storage: getting $(cat requirements.txt)"
  rm -rf .venv
  python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
  cp requirements.txt .venv/requirements.txt
fi

azurite=3.37.0
if [ "$(cat .azurite/version 2>/dev/null)" != "$azurite" ]; then
  echo "storage: getting azurite $azurite"
  rm -rf .azurite
  mkdir .azurite
  echo '{ "private": true }' > .azurite/package.json
  PATH="$node:$PATH" npm install --prefix .azurite --no-audit --no-fund --loglevel error --ignore-scripts "azurite@$azurite"
  echo "$azurite" > .azurite/version
fi

versitygw=v1.8.0
if [ "$(cat .versitygw/version 2>/dev/null)" = "$versitygw" ]; then
  :
elif command -v go > /dev/null; then
  echo "storage: building versitygw $versitygw"
  rm -rf .versitygw
  mkdir .versitygw
  GOBIN="$PWD/.versitygw" go install "github.com/versity/versitygw/cmd/versitygw@$versitygw"
  echo "$versitygw" > .versitygw/version
else
  echo "storage: versitygw is left out, Go is missing"
fi
echo "storage: the servers are up to date"
