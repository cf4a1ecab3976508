#!/usr/bin/env bash
# The weights that ship, from nothing: dev/train.sh PYTHON OUT [DATA] [WORKERS]
#
# Assets, tracks of real video, both networks, confidence. DATA holds stills, drones and videos
# (../shared/traindata); without it the assets alone are learned from. Goes on where it stopped.
# Nothing in the package changes: what comes out lies in OUT/weights.
set -euo pipefail
cd "$(dirname "$0")/.."
py=$1 out=$2 data=${3:-../shared/traindata} workers=${4:-1}
peers=${PEERS:-../shared/weights} real=${REAL:-../shared/sequences}
mkdir -p "$out"

train() { "$py" -m lg_tracker_ros train "$@"; }
train assets --out "$out/assets"
material=("$out/assets")
without=()
if [ -d "$data" ]; then
    material+=("$data")
    # pictures under terms that forbid commerce, or under none
    without=(--without 'COCO 2017' 'Penn-Fudan pedestrians')
    if [ ! -d "$out/tracks" ] && [ -d "$data/videos" ]; then
        teacher=()
        [ ! -d "$peers/nanotrackv2" ] || teacher=(--teacher "$peers/nanotrackv2")
        train label "$data"/videos/*.m* "${teacher[@]}" --out "$out/tracks.part"
        echo 'repo: https://github.com/intel-iot-devkit/sample-videos' >"$out/tracks.part/SOURCE.txt"
        mv "$out/tracks.part" "$out/tracks"
    fi
    [ ! -d "$out/tracks" ] || material+=("$out/tracks")
else
    echo "make weights: no $data: trained on the assets alone" >&2
fi

fit() { train fit "$1" --data "${material[@]}" "${without[@]}" --workers "$workers" --out "${@:2}"; }
fit pixelwise "$out/pixelwise" --set steps=10000
fit tanet_lite "$out/tanet_lite"
train export "$out/pixelwise/best.pt" "$out/weights/pixelwise.safetensors"
train export "$out/tanet_lite/best.pt" "$out/weights/tanet_lite.safetensors"
truth=()
[ ! -d "$real" ] || truth=(--real "$real")
train calibrate pixelwise --data "${material[@]}" "${truth[@]}" --write \
    --weights "$out/weights/pixelwise.safetensors"
(cd "$out/weights" && sha256sum ./*.safetensors | sed 's#\./##' >SHA256SUMS)
echo "$out/weights"
