#!/usr/bin/env bash
# Makes the Python environment with the official client, .venv beside this file: only where it is missing or its requirements
# have changed. Needs python3 with venv, and the network when there is something to do.
set -euo pipefail
cd "$(dirname "$0")"

# Copied there last, so an environment that was not finished is made again.
if cmp --silent requirements.txt .venv/requirements.txt; then
  echo "python clients: .venv is up to date"
  exit
fi
echo "python clients: making .venv from requirements.txt"
rm -rf .venv
python3 -m venv .venv
.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
cp requirements.txt .venv/requirements.txt
echo "python clients: made .venv"
