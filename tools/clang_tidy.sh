#!/usr/bin/env bash
# clang-tidy over every file that changed, or whose headers or checks did: the lint preset runs it beside the compiler.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [[ ! -f build/lint/build.ninja || CMakePresets.json -nt build/lint/build.ninja ]]; then cmake --preset lint; fi
ninja -C build/lint -k 0
