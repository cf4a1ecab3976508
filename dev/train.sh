#!/usr/bin/env bash
# The weights that ship, from nothing: dev/train.sh PYTHON OUT [DATA] [WORKERS]
#
# Assets, tracks of real video, both networks, confidence. DATA holds stills, drones and videos
# (../shared/traindata); without it the assets alone are learned from. SAMPLE_VIDEOS is a clone of
# github.com/intel-iot-devkit/sample-videos (CC BY 4.0): people and faces, whose first boxes are in
# dev/sample_videos.csv. Goes on where it stopped. Nothing in the package changes: what comes out
# lies in OUT/weights.
set -euo pipefail
cd "$(dirname "$0")/.."
py=$1 out=$2 data=${3:-../shared/traindata} workers=${4:-1}
peers=${PEERS:-../shared/weights} real=${REAL:-../shared/sequences}
mkdir -p "$out"

train() { "$py" -m lg_tracker_ros train "$@"; }
train assets --out "$out/assets"
material=("$out/assets")
without=() teacher=()
[ ! -d "$peers/nanotrackv2" ] || teacher=(--teacher "$peers/nanotrackv2")
about='repo: https://github.com/intel-iot-devkit/sample-videos'
label() { # label FOLDER RECORDING...: into FOLDER, whole or not at all
    [ ! -d "$1" ] || return 0
    rm -rf "$1.part"
    train label "${@:2}" "${teacher[@]}" --out "$1.part"
    echo "$about" >"$1.part/SOURCE.txt"
    mv "$1.part" "$1"
}
if [ -d "$data" ]; then
    material+=("$data")
    # pictures under terms that forbid commerce, or under none
    without=(--without 'COCO 2017' 'Penn-Fudan pedestrians')
    [ ! -d "$data/videos" ] || label "$out/tracks" "$data"/videos/*.m*
    [ ! -d "$out/tracks" ] || material+=("$out/tracks")
else
    echo "make weights: no $data: trained on the assets alone" >&2
fi

videos=$out/sample-videos
if [ -n "${SAMPLE_VIDEOS:-}" ]; then
    mkdir -p "$videos"
    ln -sfn "$(realpath "$SAMPLE_VIDEOS")"/* "$PWD"/dev/sample_videos.csv "$videos"
    mv "$videos/sample_videos.csv" "$videos/boxes.csv"
    echo "$about" >"$videos/SOURCE.txt"
    label "$out/patches" "$videos"/asl_gestures/*.mkv --step 1 --seed 1 --tracks 14
    label "$out/people" "$videos" --step 1 --length 60
    [ -d "$out/cut" ] || train cut "$videos" --out "$out/cut"
    material+=("$out/patches" "$out/people" "$out/cut")
fi

fit() {
    train fit "$1" --data "${material[@]}" "${without[@]}" --clips 0.3 --workers "$workers" \
        --out "${@:2}"
}
heads=()
for seed in 0 1; do
    fit pixelwise "$out/pixelwise$seed" --ring "$out/samples" --set seed=$seed --set steps=12000
    heads+=("$out/pixelwise$seed/best.pt")
done
fit tanet_lite "$out/tanet_lite"
train export "${heads[@]}" "$out/weights/pixelwise.safetensors"
train export "$out/tanet_lite/best.pt" "$out/weights/tanet_lite.safetensors"
truth=()
[ ! -d "$real" ] || truth=(--real "$real")
train calibrate pixelwise --data "${material[@]}" "${without[@]}" "${truth[@]}" --write \
    --weights "$out/weights/pixelwise.safetensors"
(cd "$out/weights" && sha256sum ./*.safetensors | sed 's#\./##' >SHA256SUMS)
echo "$out/weights"
