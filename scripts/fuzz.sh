#!/usr/bin/env bash
# fuzz.sh SECONDS: runs every target of fuzz/ for its share of SECONDS, and fails when one of them finds something.
#
# libFuzzer's coverage needs flags that rustc calls unstable; RUSTC_BOOTSTRAP lets the stable toolchain take them.
# Seeds are read from fuzz/corpus/TARGET; what the run adds goes under the target folder, so that the checkout stays clean.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=$1
export RUSTC_BOOTSTRAP=1

# shellcheck disable=SC2207 # names of targets hold no blanks, and the bash of macOS has no mapfile
targets=($("$CARGO_FUZZ" list))
if [ ${#targets[@]} -eq 0 ]; then
    echo "no fuzz targets" >&2
    exit 1
fi
share=$((seconds / ${#targets[@]}))
[ "$share" -gt 0 ] || share=1

for target in "${targets[@]}"; do
    "$CARGO_FUZZ" build --target-dir "$TARGET/fuzz" "$target"
done

for target in "${targets[@]}"; do
    echo "== $target: $share s"
    kept="$TARGET/fuzz-corpus/$target"
    said="$TARGET/fuzz-corpus/$target.log"
    mkdir -p "$kept"
    corpora=("$kept")
    [ ! -d "fuzz/corpus/$target" ] || corpora+=("fuzz/corpus/$target")
    if ! "$CARGO_FUZZ" run --target-dir "$TARGET/fuzz" "$target" "${corpora[@]}" -- \
        -max_total_time="$share" -timeout=10 -rss_limit_mb=4096 -print_final_stats=1 >"$said" 2>&1; then
        cat "$said"
        exit 1
    fi
    grep -E 'number_of_executed_units|new_units_added|peak_rss' "$said"
done
echo "fuzzing found nothing: ${#targets[@]} targets, $share s each"
