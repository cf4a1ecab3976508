#!/usr/bin/env bash
# The whole evaluation: dev/eval.sh PYTHON DATA OUT [JOBS]
#
# Every configuration that ships and every peer over DATA, and over sequences
# built from it in which the target leaves and returns; then docs/results/ is
# written anew. Goes on where it was stopped; with everything there it only
# writes the reports again.
set -euo pipefail
cd "$(dirname "$0")/.."
py=$1 data=$2 out=$3 jobs=${4:-$(nproc)}
davis=${DAVIS:-../shared/valdata/davis}
weights=${PEERS:-../shared/weights}

if [ ! -d "$data" ]; then
    echo "make eval: $data does not exist; say where the sequences are: make eval DATA=folder" >&2
    exit 1
fi
if [ -n "$(git status --porcelain -- lg_tracker_ros)" ]; then
    echo 'make eval: lg_tracker_ros has changes that are not committed; the report will say so' >&2
fi

# what tells most comes first, so that a run that is stopped early is of use
trackers=default,opencv_csrt,pixelwise+none,pixelwise+correlation,ncc+none,ncc+tanet_lite
trackers+=,opencv_kcf,opencv_tld,opencv_mil
local=(csrt kcf mil)
if [ -d "$weights" ]; then
    trackers+=,opencv_nano,opencv_vit
    local=(nano vit csrt kcf mil)
else
    echo "make eval: no $weights: NanoTrack and VitTrack are left out" >&2
fi
for name in "${local[@]}"; do
    trackers+=,opencv_$name+none,opencv_$name+tanet_lite
done

ev() { "$py" -m lg_tracker_ros eval "$@"; }
ev absent --data "$data" --out "$out/absent-data" --seed 1 --max-frames 240
ev run --data "$out/absent-data" --trackers "$trackers" --out "$out/absent" --jobs "$jobs" \
    --peers "$weights"
ev run --data "$data" --trackers "$trackers" --out "$out/plain" --jobs "$jobs" --peers "$weights"
if compgen -G "$data/*_cam[0-9]*" >/dev/null; then
    ev cameras --data "$data" --trackers default --out "$out/plain"
fi
ev attention --data "$data" --redetectors tanet_lite,correlation --out "$out/plain"
if [ -d "$davis" ]; then
    ev attention --data "$davis" --redetectors tanet_lite,correlation --out "$out/davis" --every 5
fi
for name in plain absent davis; do
    [ -d "$out/$name" ] || continue
    ev report "$out/$name" >"$out/$name/table.txt"
    rm -rf "docs/results/$name"
    mkdir -p "docs/results/$name"
    cp "$out/$name/report.md" "docs/results/$name/"
    # re-detectors alone have no pictures but their own
    [ ! -d "$out/$name/pictures" ] || cp -r "$out/$name/pictures" "docs/results/$name/"
    # the report shows some of the re-detectors' pictures where they were made
    { grep -o '_attention/[^)]*[.]jpg' "$out/$name/report.md" || true; } | while read -r picture; do
        mkdir -p "docs/results/$name/$(dirname "$picture")"
        cp "$out/$name/$picture" "docs/results/$name/$picture"
    done
done
ev tables "$out/plain" "$out/absent" --to docs/results/tables.md
