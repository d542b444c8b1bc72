#!/usr/bin/env bash
# Makes the Python environment with LiteLLM's proxy, .venv beside this file: only where it is missing or its requirements have
# changed. Needs python3 with venv, and the network when there is something to do.
set -euo pipefail
cd "$(dirname "$0")"

# Copied there last, so an environment that was not finished is made again.
if cmp --silent requirements.txt .venv/requirements.txt; then
  echo "litellm: .venv is up to date"
  exit
fi
echo "litellm: making .venv from requirements.txt"
rm -rf .venv
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --requirement requirements.txt
cp requirements.txt .venv/requirements.txt
echo "litellm: made .venv"
