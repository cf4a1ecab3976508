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

# Pictures change with every run and are large, so the repository has those that its documents
# show; the report there leaves out the others, and all of them are in $out.
kept='plain/pictures/success.png absent/pictures/success.png absent/pictures/timeline.png'
publish() { # FOLDER NAME TO: the report without the pictures that aren't kept, and those that are
    mkdir -p "$3"
    # a picture is a paragraph behind that of its caption
    awk -v kept=" $kept " -v name="$2" 'BEGIN { RS = "" }
        { picture = /^!\[.*\]\([^)]*\)$/
          path = $0; sub(/^.*\]\(/, "", path); sub(/\)$/, "", path) }
        picture && !index(kept, " " name "/" path " ") { before = ""; next }
        before != "" { printf "%s%s", separator, before; separator = "\n\n" }
        { before = $0 }
        END { if (before != "") printf "%s%s", separator, before; print "" }
    ' "$1/report.md" >"$3/report.md"
    for picture in $kept; do
        [ "${picture%%/*}" = "$2" ] && [ -f "$1/${picture#*/}" ] || continue
        mkdir -p "$3/pictures"
        cp "$1/${picture#*/}" "$3/pictures/"
    done
}
for name in plain absent davis; do
    [ -d "$out/$name" ] || continue
    ev report "$out/$name" >"$out/$name/table.txt"
    rm -rf "docs/results/$name"
    publish "$out/$name" "$name" "docs/results/$name"
done
ev tables "$out/plain" "$out/absent" --to docs/results/tables.md
