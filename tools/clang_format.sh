#!/usr/bin/env bash
# Fails on a file that ./dev format would change.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
find src replay bench/load tests/sim -name '*.[ch]' -print0 | xargs -0 clang-format-19 --dry-run -Werror
