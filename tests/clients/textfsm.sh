#!/bin/bash
# Installs Python's textfsm with ntc-templates into DIRECTORY and prints the path of its Python. Repeating it
# costs nothing.
#
#   tests/clients/textfsm.sh DIRECTORY
set -euo pipefail
directory=$1
list=$(dirname "${BASH_SOURCE[0]}")/textfsm.txt

if ! cmp -s "$list" "$directory/installed"; then
    python3 -m venv --clear "$directory" >&2 </dev/null
    "$directory/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --requirement "$list" >&2 </dev/null
    cp "$list" "$directory/installed"
fi
echo "$directory/bin/python"
