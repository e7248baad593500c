#!/usr/bin/env bash
# Rewrites the lock files: versions and hashes, no addresses. Needs uv. Extra arguments go to uv (--upgrade).
set -euo pipefail
cd "$(dirname "$0")/../requirements"
compile() {
  uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url \
    --no-annotate "$@"
}
compile "$@" dev.in -o dev.txt
compile -c dev.txt full.in -o full.txt
compile -c dev.txt base.in -o base.txt
compile "$@" vendor-sdk.in -o vendor-sdk.txt
compile "$@" dist.in -o dist.txt
compile "$@" fuzz.in -o fuzz.txt
