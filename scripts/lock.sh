#!/usr/bin/env bash
# Rewrites the lock files: versions and hashes, no addresses. Needs uv (pip install uv).
set -euo pipefail
cd "$(dirname "$0")/../requirements"
for name in base dev vendor-sdk; do
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
    --no-annotate "$@" "$name.in" -o "$name.txt"
done
