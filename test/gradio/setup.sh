#!/usr/bin/env bash
# Makes the Python environments with the real Gradio servers, .venv-4, .venv-5 and .venv-newest beside this file, at the same time:
# only where one is missing or its requirements have changed. Needs python3 with venv, and the network when there is something to do.
set -euo pipefail
cd "$(dirname "$0")"

make() {
  local version="$1"
  local requirements="requirements-$version.txt"
  local environment=".venv-$version"
  # Copied there last, so an environment that was not finished is made again.
  if cmp --silent "$requirements" "$environment/$requirements"; then
    echo "gradio $version: $environment is up to date"
    return
  fi
  echo "gradio $version: making $environment from $requirements"
  rm -rf "$environment"
  python3 -m venv "$environment"
  "$environment/bin/pip" install --quiet --disable-pip-version-check --requirement "$requirements"
  cp "$requirements" "$environment/$requirements"
  echo "gradio $version: made $environment"
}

jobs=()
for version in 4 5 newest; do
  make "$version" &
  jobs+=("$!")
done
for job in "${jobs[@]}"; do wait "$job"; done
