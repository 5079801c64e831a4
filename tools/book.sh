#!/bin/sh
# sh tools/book.sh <folder of programs> [folder]: build the book into _build of the folder, every warning an error.
set -eu
bin=$1 out=${2:-.}/_build
mkdir -p "$out"
free=$(df -Pk "$out" | awk 'NR == 2 { print int($4 / 1024) }')
if [ -n "$free" ] && [ "$free" -lt 200 ]; then
  echo "The disk of $out has $free MB left; the book needs 200. Free some: make clean removes what was built." >&2
  exit 1
fi
# a build that did not end well leaves pages that the next one would believe
[ ! -e "$out/.unfinished" ] || rm -rf "$out/.doctrees" "$out/html"
touch "$out/.unfinished"
"$bin/jupyter-book" build -W --keep-going --path-output "${out%/_build}" .
rm "$out/.unfinished"
