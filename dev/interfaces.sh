#!/usr/bin/env bash
# Builds the interface packages into the environment: dev/interfaces.sh VENV KIND KEY
# KEY goes into the stamp that setup.sh looks at.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$1
kind=$2
python=$venv/bin/python
export PATH="$venv/bin:$PATH" VIRTUAL_ENV=$venv

if [ "$kind" = wheels ]; then
    # The wheels' CMake files name the Python of the machine that built them.
    include=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    numpy=$("$python" -c 'import numpy; print(numpy.get_include())')
    { grep -rlE '/opt/python/cp' "$venv/share" --include='*.cmake' || true; } |
        xargs -r sed -i -E \
            -e "s#/opt/python/[^;\">]*/numpy/(_core|core)/include#$numpy#g" \
            -e "s#/opt/python/[^;\">]*/include/python3[^;\">]*#$include#g"
fi

build() { # SOURCE
    local name
    name=$(basename "$1")
    # from scratch: a message that was taken away must not stay behind
    rm -rf "$venv/build/$name"
    # -O0 with no debug info compiles fastest, and these libraries only copy fields
    cmake -S "$1" -B "$venv/build/$name" -G Ninja \
        -DCMAKE_INSTALL_PREFIX="$venv" -DCMAKE_PREFIX_PATH="$venv;${AMENT_PREFIX_PATH//:/;}" \
        -DCMAKE_C_FLAGS='-O0 -g0' -DCMAKE_CXX_FLAGS='-O0 -g0' -DBUILD_TESTING=OFF \
        -DPython3_EXECUTABLE="$python" -DPYTHON_EXECUTABLE="$python" \
        -DPYTHON_INSTALL_DIR="$("$python" -c 'import sys
print("lib/python%d.%d/site-packages" % sys.version_info[:2])')" \
        -Wno-dev
    cmake --build "$venv/build/$name"
    cmake --install "$venv/build/$name"
}

export AMENT_PREFIX_PATH=${AMENT_PREFIX_PATH:-$venv}
for name in vision_msgs tf2_msgs ffmpeg_image_transport_msgs bond; do
    # where ROS has it, it is that one which is used
    if ! "$python" -c 'import os, sys
from ament_index_python.packages import get_package_prefix
sys.exit(os.path.samefile(get_package_prefix(sys.argv[1]), sys.prefix))' $name 2>/dev/null; then
        build dev/$name
    fi
done
build lg_tracker_interfaces
echo "$3" >"$venv/.done-interfaces"
