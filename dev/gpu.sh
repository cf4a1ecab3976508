#!/usr/bin/env bash
# Tests, comparison with the CPU and a page, on a machine with an NVIDIA GPU: dev/gpu.sh VENV DATA
#
# make setup has installed PyTorch for CUDA where nvidia-smi finds a GPU. ONNX Runtime for CUDA
# has the same name as the one for CPUs, so it lies beside the environment, in VENV-gpu; where it
# can't be had, or doesn't fit the CUDA that is here, the page says so.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$(realpath -m "${1:?usage: dev/gpu.sh VENV DATA}")
data=${2:?usage: dev/gpu.sh VENV DATA}

if ! nvidia-smi -L; then
    echo 'make gpu: nvidia-smi finds no GPU here; install its driver and run make again.' >&2
    exit 1
fi
beside=$venv-gpu
version=$("$venv/bin/python" -c 'import onnxruntime; print(onnxruntime.__version__)')
if [ "$(cat "$beside/.done" 2>/dev/null)" != "$version" ]; then
    rm -rf "$beside"
    mkdir -p "$beside"
    if "$venv/bin/python" -m pip --disable-pip-version-check install --no-deps --quiet \
        --target "$beside" "onnxruntime-gpu==$version"; then
        echo "$version" >"$beside/.done"
    else
        rm -rf "$beside"
        echo "make gpu: warning: no onnxruntime-gpu $version for this machine" >&2
    fi
fi
PYTHONPATH=$beside${PYTHONPATH:+:$PYTHONPATH} "$venv/bin/python" -u -m lg_tracker_ros.gpu \
    --data "$data" --out gpu_out
cp gpu_out/gpu.md docs/results/gpu.md
echo 'make gpu: the page is docs/results/gpu.md'
