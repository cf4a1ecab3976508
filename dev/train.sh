#!/usr/bin/env bash
# The weights that ship, from nothing: dev/train.sh PYTHON OUT [DATA] [WORKERS]
#
# Assets, tracks of real video, both networks, confidence. DATA holds stills, drones and videos
# (../shared/traindata); without it the assets alone are learned from. VIDEOS is a folder with
# clones of the repositories below, or of some: people, hands, animals, things and cars, whose
# first boxes are in dev/boxes. FIT holds more options for each `train fit`: a quick look at the
# whole is FIT='--set steps=40 --set capacity=200 --set held_out=40'. Goes on where it stopped.
# Nothing in the package changes: what comes out lies in OUT/weights.
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
repos=(
    intel-iot-devkit/sample-videos   # CC BY 4.0
    facebookresearch/sam2            # Apache-2.0
    udacity/CarND-Vehicle-Detection  # MIT
)
label() { # label FOLDER REPOSITORY RECORDING...: into FOLDER, whole or not at all
    [ ! -d "$1" ] || return 0
    rm -rf "$1.part"
    train label "${@:3}" "${teacher[@]}" --out "$1.part"
    echo "repo: https://github.com/$2" >"$1.part/SOURCE.txt"
    mv "$1.part" "$1"
}
if [ -d "$data" ]; then
    material+=("$data")
    # pictures under terms that forbid commerce, or under none
    without=(--without 'COCO 2017' 'Penn-Fudan pedestrians')
    [ ! -d "$data/videos" ] || label "$out/tracks" "${repos[0]}" "$data"/videos/*.m*
    [ ! -d "$out/tracks" ] || material+=("$out/tracks")
else
    echo "make weights: no $data: trained on the assets alone" >&2
fi

for repo in "${repos[@]}"; do
    name=${repo##*/}
    videos=$out/$name
    [ -n "${VIDEOS:-}" ] && [ -d "$VIDEOS/$name" ] || continue
    mkdir -p "$videos"
    ln -sfn "$(realpath "$VIDEOS/$name")"/* "$videos"
    cp "dev/boxes/$name.csv" "$videos/boxes.csv"
    echo "repo: https://github.com/$repo" >"$videos/SOURCE.txt"
    label "$videos-near" "$repo" "$videos" --step 1 --length 80
    label "$videos-far" "$repo" "$videos" --step 2 --length 130
    mapfile -t files < <(tail -n +2 "$videos/boxes.csv" | cut -d, -f1 | sort -u)
    label "$videos-patches" "$repo" "${files[@]/#/$videos/}" --step 1 --seed 1 --tracks 12
    [ -d "$videos-cut" ] || train cut "$videos" --out "$videos-cut"
    material+=("$videos-near" "$videos-far" "$videos-patches" "$videos-cut")
done

fit() {
    train fit "$1" --data "${material[@]}" "${without[@]}" --clips 0.3 --workers "$workers" \
        --out "${@:2}" ${FIT:-}
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
echo "once these lie in lg_tracker_ros/weights: python -m lg_tracker_ros train onnx"
