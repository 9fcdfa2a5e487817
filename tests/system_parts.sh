#!/usr/bin/env bash
# What tests need from outside Python: looked for, installed where this user may, and named when it is missing.
# Nothing here fails: a test without its part skips and says so, or fails when QBWC_REQUIRE names the part.
set -euo pipefail

node_home=${XDG_CACHE_HOME:-$HOME/.cache}/qbwc-server-tests/node
export DEBIAN_FRONTEND=noninteractive

has_postgres() { command -v initdb >/dev/null || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
has_chromium() { [ -x /usr/bin/chromium ] && has_libatomic; }
has_libatomic() { compgen -G '/usr/lib/*/libatomic.so.1' >/dev/null; }  # Playwright's driver is linked with it
has_npm() { command -v node >/dev/null && command -v npm >/dev/null; }
# Installed and loadable: jsforce wants a newer Node.js than some systems have.
has_node() { has_npm && NODE_PATH="$node_home/node_modules" node -e "require('jsforce')" >/dev/null 2>&1; }
has_python() {
    local each
    for each in "python$1" "$HOME/.pyenv/versions/$1".*"/bin/python$1"; do
        if "$each" --version >/dev/null 2>&1; then return 0; fi
    done
    return 1
}
has_py312() { has_python 3.12; }
has_py313() { has_python 3.13; }

packages=()
has_postgres || packages+=(postgresql)
has_chromium || packages+=(chromium libatomic1)
has_npm || packages+=(nodejs npm)

if [ ${#packages[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing for the tests: ${packages[*]} ..."
    # One failing mirror or package must not keep the others away, nor the tests from running.
    timeout 300 apt-get update -qq || echo "apt-get update failed; going on with what is here"
    for package in "${packages[@]}"; do
        timeout 600 apt-get install -qq --no-install-recommends "$package" >/dev/null 2>&1 ||
            echo "$package could not be installed; going on without it"
    done
fi
if has_npm && [ ! -d "$node_home/node_modules/jsforce" ]; then
    echo "Installing jsforce for the tests ..."
    mkdir -p "$node_home"
    timeout 300 npm install --silent --no-audit --no-fund --prefix "$node_home" jsforce@3.10 >/dev/null 2>&1 ||
        echo "jsforce could not be installed; going on without it"
fi

for part in postgres chromium node py312 py313; do
    if "has_$part"; then
        state="is here"
    elif [[ ",${QBWC_REQUIRE:-}," == *",$part,"* ]]; then
        state="is missing, and QBWC_REQUIRE asks for it: its tests fail"
    else
        state="is missing: its tests are skipped"
    fi
    printf '  %-9s %s\n' "$part" "$state"
done
