#!/usr/bin/env bash
# Writes dev/hashes.txt anew: dev/hashes.sh [UV]; after each change of dev/pins.txt
#
# The sha256 of every file that PyPI has of each pinned version (sources, wheels for every Python and
# processor), which setup.sh and extras.sh give to pip with the pins. uv (pip install uv) asks for
# them, as pip does when it installs.
set -euo pipefail
cd "$(dirname "$0")/.."
source dev/pins.sh
uv=${1:-uv}
new=$(mktemp)
trap 'rm -f "$new"' EXIT

for name in $(sed -n 's/^\[\(.*\)\]$/\1/p' dev/pins.txt); do
    # several indexes have builds of their own of that version; the setup says more
    [ "$name" != torch ] || continue
    section "$name" | "$uv" pip compile --quiet --universal --no-deps --generate-hashes --no-header \
        --no-annotate --default-index https://pypi.org/simple --python-version 3.10 - |
        awk '/^[^ ]/ { pin = $1 } match($0, /sha256:[0-9a-f]+/) {
            print pin, substr($0, RSTART + 7, RLENGTH - 7) }' >>"$new"
done
# one line for each pin
sort -u "$new" | awk '$1 != pin { if (pin) print line; pin = $1; line = pin } { line = line " " $2 }
    END { print line }' >dev/hashes.txt
