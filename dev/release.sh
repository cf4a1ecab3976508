#!/usr/bin/env bash
# Makes the branch that bloom releases from: dev/release.sh [COMMIT [BRANCH]]
#
# bloom finds no package inside another one, so that branch has both side by side. Its commits lie on
# one another; nothing else is changed, and nothing is pushed.
set -euo pipefail
cd "$(dirname "$0")/.."
commit=$(git rev-parse --verify "${1:-HEAD}^{commit}")
branch=${2:-release}

GIT_INDEX_FILE=$(mktemp -u)
export GIT_INDEX_FILE
trap 'rm -f "$GIT_INDEX_FILE"' EXIT
git read-tree --empty
git read-tree --prefix=lg_tracker_ros/ "$commit"
git rm -rq --cached lg_tracker_ros/lg_tracker_interfaces
git read-tree --prefix=lg_tracker_interfaces/ "$commit:lg_tracker_interfaces"
parent=()
if before=$(git rev-parse -q --verify "refs/heads/$branch"); then parent=(-p "$before"); fi
new=$(git commit-tree "$(git write-tree)" ${parent[@]+"${parent[@]}"} \
    -m "$(git log -1 --format='%h %s' "$commit"), both packages side by side")
git update-ref "refs/heads/$branch" "$new"
echo "$branch: $(git rev-parse --short "$new") of $(git rev-parse --short "$commit")"
