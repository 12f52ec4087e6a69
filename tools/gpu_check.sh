#!/usr/bin/env bash
# What a GPU makes of this checkout, on a machine with torch, torchvision, numpy and OpenCV and without a network:
#   tools/gpu_check.sh [--wheels FOLDER] [--out FOLDER] [--minutes N] [STAGE...]
# Unpacks wheels (*.whl, and *.tar.xz of what lies in site-packages) from FOLDER, `wheels` by default, where there is
# one; prints the card; then runs tests/gpu and the GPU rows of the benchmark. Each row is written to rows.md and
# rows.jsonl in --out (gpu_check) as it is measured. --help tells the rest.
set -uo pipefail
cd "$(dirname "$0")/.."

wheels=wheels
arguments=()
while (($#)); do
    case $1 in
        --wheels) wheels=$2; shift 2 ;;
        --wheels=*) wheels=${1#*=}; shift ;;
        *) arguments+=("$1"); shift ;;
    esac
done

python=${PYTHON:-python3}
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT
if [ -d "$wheels" ]; then
    for archive in "$wheels"/*.tar.xz; do
        [ -e "$archive" ] && tar -xJf "$archive" -C "$site" &
    done
    # A folder of its own: what is there already, pip would ask about.
    if compgen -G "$wheels/*.whl" >/dev/null; then
        "$python" -m pip install --quiet --no-index --no-deps --no-compile --no-cache-dir \
            --target "$site/wheels" "$wheels"/*.whl || echo "failed: the wheels in $wheels cannot be installed"
    fi
    wait
fi

export PYTHONPATH=.:$site/wheels:$site${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1
"$python" -m tools.bench.gpu "${arguments[@]}"
