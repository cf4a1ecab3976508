#!/usr/bin/env bash
# Makes the environment see this folder as the installed package lg_tracker_ros,
# without a copy: what is edited here is what runs. dev/link.sh VENV
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
venv=$1
python=$venv/bin/python
site=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

cp dev/venv_hook.py "$site/lg_tracker_venv_hook.py"
printf 'import lg_tracker_venv_hook\n%s\n' "$root" >"$site/lg_tracker_ros.pth"

mkdir -p "$venv/share/ament_index/resource_index/packages" "$venv/lib/lg_tracker_ros"
touch "$venv/share/ament_index/resource_index/packages/lg_tracker_ros"
rm -rf "$venv/share/lg_tracker_ros"
mkdir -p "$venv/share/lg_tracker_ros"
ln -s "$root/package.xml" "$venv/share/lg_tracker_ros/"
# file by file: `ros2 launch` does not look into folders that are links
for folder in launch config lg_tracker_ros/weights examples; do
    target=$venv/share/lg_tracker_ros/$(basename "$folder")
    mkdir "$target"
    find "$root/$folder" -maxdepth 1 -type f -exec ln -s -t "$target" {} + 2>/dev/null || true
done

script() { # NAME FUNCTION: what `ros2 run` and launch look for
    printf '#!%s\nimport sys\n\nfrom lg_tracker_ros.ros.main import %s\n\nsys.exit(%s())\n' \
        "$python" "$2" "$2" \
        >"$venv/lib/lg_tracker_ros/$1"
    chmod +x "$venv/lib/lg_tracker_ros/$1"
}
script lg_tracker main
script lg_tracker_camera camera
