#!/usr/bin/env bash
# tools/fuzz.sh PROGRAM SECONDS: lets a libFuzzer target search. What it finds interesting stays beside it for the next time.
set -euo pipefail
program=$(realpath "$1")
corpus=$program.corpus
mkdir -p "$corpus"
cd "$(dirname "$program")"
exec "$program" -max_total_time="$2" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=1 "$corpus"
