#!/usr/bin/env bash
# Make a virtual environment with a Python that this product runs on (3.11, 3.12 or 3.13), or leave a good one.
# Usage: deploy/make_venv.sh FOLDER       PYTHON=/path/to/python chooses the interpreter.
set -euo pipefail

folder=$1

suits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null
}

if suits "$folder/bin/python" && "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi

python=
for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11; do
    if suits "$candidate"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "Python 3.11, 3.12 or 3.13 is needed and none was found. Install one, or name it: make PYTHON=/path/to/python" >&2
    exit 1
fi

# Debian keeps the part that makes environments in a package of its own.
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    package=python$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')-venv
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "$python cannot make virtual environments. Install $package (sudo apt-get install $package), then try again." >&2
        exit 1
    fi
    echo "Installing $package ..."
    export DEBIAN_FRONTEND=noninteractive
    if ! said=$({ apt-get update -qq && apt-get install -qq --no-install-recommends "$package"; } 2>&1); then
        printf '%s\n' "$said" "$package could not be installed." >&2
        exit 1
    fi
fi

echo "Making $folder with $("$python" --version) ..."
rm -rf "$folder"
"$python" -m venv "$folder"
