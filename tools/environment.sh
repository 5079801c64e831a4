#!/bin/sh
# sh tools/environment.sh <folder>: the environment that every target of the Makefile needs.
# Whatever an interruption, another Python or an edited lock has left behind is made anew.
# PYTHON is the interpreter to begin with; CHOSEN is not empty where the caller named it.
set -eu
venv=$1
PYTHON=${PYTHON:-python3}
python=$venv/bin/python
version='import sys; print("%d.%d" % sys.version_info[:2])'

say() { echo "$*" >&2; }

remedy() {
  say "The packages could not be installed (the reason stands above)."
  say "No space left on device: free 1.5 GB, or work in a clone on another disk."
  say "No connection: say the same command again once there is one; it begins where it must."
  exit 1
}

there=$([ -x "$python" ] && "$python" -c "$version" 2>/dev/null || true)
wanted=$there
if [ -z "$there" ] || [ -n "${CHOSEN:-}" ]; then
  wanted=$("$PYTHON" -c "$version" 2>/dev/null) || {
    say "There is no program $PYTHON. Name a Python from 3.11 to 3.13: make PYTHON=python3.12 ..."; exit 1; }
fi
case $wanted in
  3.11 | 3.12 | 3.13) ;;
  *) say "scalinglab needs Python 3.11 to 3.13, this is $wanted: make PYTHON=python3.12 ..."; exit 1 ;;
esac

# what a finished environment is stamped with: its Python, its place, the lock and the package's metadata
stamp="$wanted $(pwd) $(cksum <requirements.lock) $(cksum <pyproject.toml)"
if [ "$there" = "$wanted" ] && [ "$(cat "$venv/.ready" 2>/dev/null)" = "$stamp" ]; then
  exit 0
fi

free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1024) }')
if [ -n "$free" ] && [ "$free" -lt 1200 ]; then
  say "The disk of this folder has $free MB left; the environment needs 1200. Free some, or clone elsewhere."
  exit 1
fi
# an unfinished environment, one moved from elsewhere and one of another Python begin from nothing
case $(cat "$venv/.ready" 2>/dev/null) in
  "$wanted $(pwd) "*) [ "$there" = "$wanted" ] || rm -rf "$venv" ;;
  *) rm -rf "$venv" ;;
esac
rm -f "$venv/.ready"
[ -x "$python" ] || "$PYTHON" -m venv --without-pip "$venv" || {
  say "Python could not make $venv. On Debian or Ubuntu: apt-get install python3-venv"; rm -rf "$venv"; exit 1; }
echo "installing the locked packages into $venv (a minute at most)"
awk '/^[a-z]/ { mine = /^uv==/ } mine' requirements.lock >"$venv/uv.lock"
# uv does in five seconds what takes pip fifty; pip does it where uv finds no way, by an index that pip knows of, say
quick() {
  "$PYTHON" -m pip --python "$python" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$venv/uv.lock" &&
    "$venv/bin/uv" pip install --quiet --python "$python" --no-deps --require-hashes -r requirements.lock &&
    "$venv/bin/uv" pip install --quiet --python "$python" --no-deps --no-build-isolation -e .
}
slow() {
  "$python" -m ensurepip --upgrade >/dev/null &&
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --require-hashes -r requirements.lock &&
    "$python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
}
quick 2>"$venv/said" || slow || remedy
# jsonschema makes 38 grammars in every process that imports it, three seconds, to check addresses in Unicode
# letters: nothing here has any, and without the package it leaves that check out
"$python" - <<'END'
import pathlib, sysconfig
lean = "import sys; sys.modules.setdefault('rfc3987_syntax', None)\n"
pathlib.Path(sysconfig.get_path("purelib"), "scalinglab_lean.pth").write_text(lean)
END
echo "$stamp" >"$venv/.ready"
