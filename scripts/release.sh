#!/usr/bin/env bash
# Makes a release of the version in gluonlab/__init__.py: checks, builds the sdist and the wheel in dist/, tags the commit.
# Nothing is pushed or uploaded; the commands for it are printed at the end.
#
# usage: scripts/release.sh [--dry-run]     (--dry-run: everything but the tag)
#
# Refused, before anything is built: a version of development, a tag that exists, a working tree with changes, no heading
# of this version in CHANGELOG.md, generated pages that are stale, a test that fails.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
python=${GLUONLAB_VENV:-$root/.venv}/bin/python
tag_it=yes

say() { printf '[release] %s\n' "$*"; }
refuse() { printf 'error[CLI02] release: %s; %s\n' "$1" "$2" >&2; exit 2; }

case ${1:-} in
    '') ;;
    --dry-run) tag_it=no ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
    *) printf 'error[CLI01] release: unknown argument %s; use --dry-run or nothing\n' "$1" >&2; exit 2 ;;
esac

version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' gluonlab/__init__.py)
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] ||
    refuse "version '$version' is not of the form 1.2.3" "set __version__ in gluonlab/__init__.py"
[ -z "$(git tag --list "v$version")" ] || refuse "the tag v$version exists" "raise __version__ in gluonlab/__init__.py"
[ -z "$(git status --porcelain)" ] || refuse "the working tree has changes" "commit them first: git status"
grep -qE "^## \[$version\] - [0-9]{4}-[0-9]{2}-[0-9]{2}$" CHANGELOG.md ||
    refuse "CHANGELOG.md has no heading '## [$version] - YYYY-MM-DD'" "move what is under [Unreleased] below one"

say "generated pages"
"$python" -m benchmarks.pages --check || refuse "generated pages are stale" "run python -m benchmarks.pages and commit"
say "tests"
./scripts/test.sh || refuse "a check of scripts/test.sh failed" "see above"

say "building $version"
rm -rf dist
mkdir dist
"$python" - <<'PY'
from setuptools import build_meta

build_meta.build_sdist("dist")
build_meta.build_wheel("dist")
PY
for file in "dist/gluonlab-$version.tar.gz" "dist/gluonlab-$version-py3-none-any.whl"; do
    [ -f "$file" ] || refuse "$file was not built" "see above"
done
[ -z "$(git status --porcelain)" ] || refuse "the build changed tracked files" "see git status"
if [ "$tag_it" = no ]; then
    say "dry run: v$version could be tagged"
    exit
fi
git tag -a "v$version" -m "gluonlab $version"
say "tagged v$version; next: git push origin v$version, then twine check --strict dist/* and twine upload dist/*"
