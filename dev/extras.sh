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
source dev/pins.sh
key=$(section eval | sha256sum | cut -c1-16)

done_already() { [ "$(cat "$venv/.done-eval" 2>/dev/null)" = "$key" ]; }
if done_already; then exit 0; fi
exec 9>"$venv.lock" # that of setup.sh: one pip at a time
flock 9
if done_already; then exit 0; fi

begin=$SECONDS
# without the resolver: the list is complete, and vot-toolkit asks for a second OpenCV
install() { # and each file's sha256 must be the one that is known
    "$venv/bin/python" -m pip --disable-pip-version-check install --no-deps --no-compile \
        --require-hashes "$@" >>"$log" 2>&1
}
echo "make test: the field's toolkits, Ray, TensorBoard and rosbags (extras, about 175 MB)"
: >"$log"
hashed eval >"$pins"
missing=
if ! install -r "$pins"; then
    while read -r pin; do
        install --retries 0 --timeout 15 -r <(echo "$pin") || missing+=" ${pin%%[; ]*}"
    done <"$pins"
fi
if [ -n "$missing" ]; then
    echo "make test: warning: not installed, so their tests are skipped:$missing (see $log)" >&2
    exit 0
fi
echo "$key" >"$venv/.done-eval"
echo "make test: extras are ready ($((SECONDS - begin)) s)"
