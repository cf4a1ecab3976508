#!/usr/bin/env bash
# Makes the environment for development: dev/setup.sh VENV [jazzy|kilted]
#
# Without a distribution: ROS 2 as it is sourced, else the Jazzy wheels.
# Every stage leaves a stamp with the hash of what it was made from, so that
# a second call returns at once and an interrupted one goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
venv=$(realpath -m "${1:?usage: dev/setup.sh VENV [jazzy|kilted]}")
distro=${2:-}

fail() {
    echo "make setup: $*" >&2
    exit 1
}

# -- What kind of environment -------------------------------------------------
sourced=
if [ -n "${ROS_DISTRO:-}" ] && [ -n "${AMENT_PREFIX_PATH:-}" ]; then
    sourced=$ROS_DISTRO
fi
if [ -n "$sourced" ] && [ -n "$distro" ] && [ "$distro" != "$sourced" ]; then
    fail "ROS 2 $sourced is sourced in this shell; DISTRO=$distro needs a shell without it."
fi
distro=${distro:-${sourced:-jazzy}}
kind=wheels
[ -z "$sourced" ] || kind=sourced

source dev/pins.sh
if [ "$kind" = wheels ] && [ -z "$(section "$distro")" ]; then
    fail "there are wheels for DISTRO=jazzy and DISTRO=kilted, not for '$distro'."
fi

gpu=cpu
if [ "$kind" = wheels ] && command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; then
    gpu=cuda
fi

hash_of() { sha256sum | cut -c1-16; }
sources() { # the files that the interfaces are made from
    find lg_tracker_interfaces dev/vision_msgs dev/tf2_msgs dev/ffmpeg_image_transport_msgs dev/bond -type f \
        ! -path '*/build/*' ! -path '*/install/*' ! -path '*/log/*' -print0 | sort -z | xargs -0 sha256sum
    sha256sum dev/interfaces.sh
}
key_venv=$(echo "$root $venv $kind $distro ${PYTHON:-}" | hash_of)
key_ros=$({ section "$distro"; section build; section numpy; section numpy-of-apt; } | hash_of)
key_python=$({ section python; } | hash_of)
key_torch=$({ echo $gpu; section torch; section torch-needs; } | hash_of)
key_interfaces=$({ echo "$key_ros"; sources; } | hash_of)
key_hook=$({ # with the names of the files that link.sh links
    cat dev/venv_hook.py dev/link.sh
    find launch config lg_tracker_ros/weights examples -maxdepth 1 -type f 2>/dev/null | sort
} | hash_of)
key_all=$(echo "$key_venv $key_ros $key_python $key_torch $key_interfaces $key_hook" | hash_of)

done_with() { [ "$(cat "$venv/.done-$1" 2>/dev/null)" = "$2" ]; }
stamp() { echo "$2" >"$venv/.done-$1"; }

if done_with all "$key_all" && [ -x "$venv/bin/python" ]; then
    exit 0
fi

# -- One at a time: two terminals may both type `make test` ------------------
exec 9>"$venv.lock"
if ! flock -n 9; then
    echo "make setup: another one is at work on $(basename "$venv"), waiting for it ..."
    flock 9
    if done_with all "$key_all"; then exit 0; fi
fi

# -- What the machine must have: one line for each thing that is missing -----
if [ "$kind" = wheels ]; then
    if [ "$(uname -s) $(uname -m)" != 'Linux x86_64' ]; then
        fail "ROS 2 wheels exist for Linux on x86_64 only, this is $(uname -s) on $(uname -m);" \
            "install ROS 2 with apt (docs.ros.org), source it, and run make again."
    fi
    glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null | cut -d' ' -f2)
    if [ "$(printf '%s\n' 2.28 "${glibc:-0}" | sort -V | head -1)" != 2.28 ]; then
        fail "the ROS 2 wheels need glibc 2.28 or newer, this machine has ${glibc:-none}."
    fi
fi
cc=${CC:-$(command -v cc || command -v gcc || command -v clang || true)}
cxx=${CXX:-$(command -v c++ || command -v g++ || command -v clang++ || true)}
if [ -z "$cc" ] || [ -z "$cxx" ] ||
    ! $cxx -E -x c++ - <<<'#include <cstdlib>' >/dev/null 2>&1; then
    fail "no working C and C++ compiler; install one: sudo apt install build-essential"
fi

# A candidate that runs may still lack venv or the headers, which Debian and
# Ubuntu keep in packages of their own: remember the first complaint.
python= complaint=
if [ -n "${PYTHON:-}" ]; then
    candidates=$PYTHON
elif [ "$kind" = sourced ]; then
    candidates='/usr/bin/python3 python3' # ROS is built for the system's
else
    candidates='python3.11 python3.12 python3.10 python3.13 python3.14 python3 /usr/bin/python3'
fi
for candidate in $candidates; do
    # not all at once: a pyenv shim exists and fails for a version not selected
    version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
        continue
    case $version in 3.10 | 3.11 | 3.12 | 3.13 | 3.14) ;; *) continue ;; esac
    if ! "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
        complaint=${complaint:-"$candidate has no venv; install it: sudo apt install python$version-venv"}
        continue
    fi
    if ! "$candidate" -c 'import os, sysconfig, sys
sys.exit(not os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h")))'; then
        complaint=${complaint:-"$candidate has no headers; install them: sudo apt install python$version-dev"}
        continue
    fi
    if [ "$kind" = sourced ] && ! "$candidate" -c 'import rclpy' 2>/dev/null; then
        complaint=${complaint:-"ROS 2 $distro is sourced but $candidate can't import rclpy; install it: sudo apt install ros-$distro-rclpy"}
        continue
    fi
    python=$candidate
    break
done
if [ -z "$python" ]; then
    fail "${complaint:-"no Python 3.10 to 3.14; install one: sudo apt install python3 python3-venv python3-dev"}"
fi

# -- The stages ---------------------------------------------------------------
log=$venv/setup.log
say() { printf '%s\n' "$*"; }
run() { # ADVICE COMMAND...: quiet, or the end of the log and one line of advice
    local advice=$1
    shift
    if ! "$@" >>"$log" 2>&1; then
        { echo "--- the end of $log:" && tail -n 12 "$log" && echo '---'; } >&2
        fail "$advice"
    fi
}
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }
# without the resolver: the lists are complete, and exact to the sha256 of each file
pip_exactly() { pip install --no-deps --require-hashes "$@"; }
no_network='pip could not install that; is the network (or the proxy) there? Run make again: it goes on from here.'

exec 8>&2 # the trap may run while stderr goes into the log
trap 'fail "interrupted; run make again: it goes on from here." 2>&8' INT
begin=$SECONDS
if ! done_with venv "$key_venv" || ! "$venv/bin/python" -c pass 2>/dev/null; then
    say "[1/6] $(basename "$venv"), Python $version, ROS 2 $distro ($kind)"
    rm -rf "$venv"
    mkdir -p "$venv"
    flags=()
    [ "$kind" = wheels ] || flags=(--system-site-packages)
    # --copies is not used: a venv by symlink stays valid over security updates
    run "$python could not make a virtual environment." \
        "$python" -m venv ${flags[@]+"${flags[@]}"} "$venv"
    stamp venv "$key_venv"
fi
rm -f "$venv/.done-all"

if ! done_with ros "$key_ros"; then
    if [ "$kind" = wheels ]; then
        say "[2/6] ROS 2 $distro wheels and what builds interfaces (about 150 MB)"
        { hashed "$distro"; hashed build; hashed numpy; } >"$venv/ros.txt"
    else
        say '[2/6] what builds interfaces'
        # cmake, empy and catkin-pkg come with ROS: nothing may hide those
        hashed numpy-of-apt >"$venv/ros.txt"
        if ! "$python" -c 'import colcon_core' 2>/dev/null; then
            hashed build | grep -E '^(colcon|distlib|ninja)' >>"$venv/ros.txt"
        fi
    fi
    run "$no_network" pip_exactly -r "$venv/ros.txt"
    stamp ros "$key_ros"
fi

if ! done_with hook "$key_hook"; then
    run 'linking the package into the environment failed.' bash dev/link.sh "$venv"
    stamp hook "$key_hook"
fi

# The interfaces compile while pip unpacks PyTorch: neither keeps two cores busy.
building=
if ! done_with interfaces "$key_interfaces"; then
    say '[3/6] lg_tracker_interfaces (compiling in the background)'
    # a group of its own, so that its compilers go with it when this one stops
    setsid bash dev/interfaces.sh "$venv" "$kind" "$key_interfaces" \
        >"$venv/interfaces.log" 2>&1 9>&- &
    building=$!
    trap 'kill -- "-$building" 2>/dev/null || true' EXIT
fi

if ! done_with torch "$key_torch"; then
    say "[4/6] PyTorch for $gpu"
    section torch >"$venv/torch.txt"
    hashed torch-needs >"$venv/torch-needs.txt"
    run "$no_network" pip_exactly -r "$venv/torch-needs.txt"
    options=()
    # The CPU builds are 2.13.0+cpu, which pip prefers to PyPI's 2.13.0 (the
    # CUDA build, several GB). They live in an index of their own; where that
    # can't be reached pip warns and takes what it finds elsewhere. So it has no
    # hashes: which build comes is the machine's. CUDA's packages are pinned by torch.
    if [ $gpu = cpu ]; then
        options=(--no-deps --retries 1 --timeout 20
            --extra-index-url https://download.pytorch.org/whl/cpu)
    fi
    run "$no_network" pip install ${options[@]+"${options[@]}"} -r "$venv/torch.txt"
    stamp torch "$key_torch"
fi

if ! done_with python "$key_python"; then
    say '[5/6] OpenCV, ONNX Runtime, the test tools and linters'
    hashed python >"$venv/python.txt"
    run "$no_network" pip_exactly -r "$venv/python.txt"
    stamp python "$key_python"
fi

if [ -n "$building" ]; then
    say '[6/6] waiting for the interfaces'
    if ! wait "$building"; then
        log=$venv/interfaces.log
        run "the interfaces did not build; the whole log is in $log" false
    fi
fi

# Import what everything stands on: a broken environment must show here.
run "the environment was made but does not import; remove $venv and run make again." \
    "$venv/bin/python" -c 'import cv2, onnxruntime, torch, rclpy, tf2_msgs.msg, vision_msgs.msg
import lg_tracker_interfaces.msg, lg_tracker_interfaces.srv
cv2.TrackerCSRT_create'
stamp all "$key_all"
say "make setup: $(basename "$venv") is ready ($((SECONDS - begin)) s)"
