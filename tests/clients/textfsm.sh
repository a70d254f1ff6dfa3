#!/bin/bash
# Installs Python's textfsm with ntc-templates into DIRECTORY, keeps the wheel of the latter in DIRECTORY/wheels, and
# prints the path of its Python. Repeating it costs nothing.
#
#   tests/clients/textfsm.sh DIRECTORY
set -euo pipefail
directory=$1
list=$(dirname "${BASH_SOURCE[0]}")/textfsm.txt

if ! cmp -s "$list" "$directory/installed" || [ ! -d "$directory/wheels" ]; then
    python3 -m venv --clear "$directory" >&2 </dev/null
    pip() { "$directory/bin/python" -m pip "$@" --quiet --disable-pip-version-check --only-binary :all: >&2 </dev/null; }
    pip install --requirement "$list"
    pip download --no-deps --dest "$directory/wheels" "$(grep '^ntc-templates==' "$list")"
    cp "$list" "$directory/installed"
fi
echo "$directory/bin/python"
