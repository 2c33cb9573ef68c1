#!/usr/bin/env bash
# mypyc (mypy 2.4.1) makes of an attribute a member of a C struct, under the attribute's name with an underscore before
# it. So `self._thread` becomes `__thread`, and `_inline` and `_const` become keywords of GCC and Clang as well: mypy
# finds nothing wrong, mypyc writes the C, and the compiler stops with "expected identifier". The same class with
# `_own_thread` is compiled and works. Needs Python 3.11 with venv and its headers (python3-dev), and gcc.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check mypy==2.4.1 setuptools==80.9.0

compiled() {
	mkdir "$1"
	cat >"$1/worker.py" <<PY
class Worker:
    def __init__(self, value: int) -> None:
        self.$1 = value

    def get(self) -> int:
        return self.$1
PY
	(cd "$1" && ../venv/bin/mypy --strict --no-color-output worker.py >types 2>&1 || { cat types && exit 2; })
	(cd "$1" && ../venv/bin/mypyc worker.py >output 2>&1)
}

for name in _thread _inline _const; do
	if compiled "$name" || ! grep -q "error: expected identifier" "$name/output"; then
		echo "An attribute $name is compiled now, or fails in another way:"
		tail -3 "$name/output"
		exit 1
	fi
	echo "$name: mypy finds no mistake; the C compiler: $(grep -m 1 -o 'error: expected.*' "$name/output")"
done
compiled _own_thread
(cd _own_thread && ../venv/bin/python -c 'import worker; assert worker.__file__.endswith(".so"); assert worker.Worker(7).get() == 7')
echo "_own_thread: compiled, and works"
