#!/usr/bin/env bash
# Adds the extras of the tests to an environment: dev/extras.sh VENV
#
# Those are the section [eval] of pins.txt: the field's toolkits, Ray, TensorBoard and rosbags.
# What can't be had here (no network, no build for this Python) is a line of warning: the tests
# that need it are skipped by name, and the next call tries again.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$(realpath -m "${1:?usage: dev/extras.sh VENV}")
log=$venv/extras.log
pins=$venv/eval.txt
section=$(awk '/^\[/ { on = ($0 == "[eval]"); next } on && NF && !/^#/' dev/pins.txt)
key=$(sha256sum <<<"$section" | cut -c1-16)

done_already() { [ "$(cat "$venv/.done-eval" 2>/dev/null)" = "$key" ]; }
if done_already; then exit 0; fi
exec 9>"$venv.lock" # that of setup.sh: one pip at a time
flock 9
if done_already; then exit 0; fi

begin=$SECONDS
# without the resolver: the list is complete, and vot-toolkit asks for a second OpenCV
install() { "$venv/bin/python" -m pip --disable-pip-version-check install --no-deps "$@" >>"$log" 2>&1; }
echo "make test: the field's toolkits, Ray, TensorBoard and rosbags (extras, about 175 MB)"
: >"$log"
echo "$section" >"$pins"
missing=
if ! install --no-compile -r "$pins"; then
    while read -r pin; do
        install --no-compile --retries 0 --timeout 15 "$pin" || missing+=" ${pin%%;*}"
    done <"$pins"
fi
if [ -n "$missing" ]; then
    echo "make test: warning: not installed, so their tests are skipped:$missing (see $log)" >&2
    exit 0
fi
echo "$key" >"$venv/.done-eval"
echo "make test: extras are ready ($((SECONDS - begin)) s)"
