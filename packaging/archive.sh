#!/usr/bin/env bash
# Makes the archive of a release: the binary, completions, manual pages, licences, and the list of dependencies where it was made.
#
#     packaging/archive.sh TARGET BINARY OUT [SBOM]     for TARGET = x86_64-unknown-linux-gnu, …
#
# BINARY must run on this machine, because it prints its own completions and pages; or RANKTUNE_PAGES names a folder with `complete/`
# and `man/` from another machine. Archives of the same files have the same bytes.
set -euo pipefail

target=$1 binary=$(realpath "$2") out=$3 sbom=${4:-}
root=$(cd "$(dirname "$0")/.." && pwd)
version=$(sed -n '/^\[workspace.package\]/,/^\[/s/^version = "\(.*\)"/\1/p' "$root/Cargo.toml")
name=ranktune-$version-$target
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
folder=$work/$name
mkdir -p "$folder/complete" "$folder/man" "$out"
out=$(cd "$out" && pwd)

cp "$binary" "$folder/"
cp "$root/README.md" "$root/CHANGELOG.md" "$root/LICENSE-APACHE" "$root/LICENSE-MIT" "$root/docs/security.md" "$folder/"
if [ -n "${RANKTUNE_PAGES:-}" ]; then
    cp -R "$RANKTUNE_PAGES/complete" "$RANKTUNE_PAGES/man" "$folder/"
else
    "$binary" completions bash >"$folder/complete/ranktune.bash"
    "$binary" completions zsh >"$folder/complete/_ranktune"
    "$binary" completions fish >"$folder/complete/ranktune.fish"
    "$binary" completions powershell >"$folder/complete/_ranktune.ps1"
    "$binary" man --out "$folder/man" 2>/dev/null
fi
if [ -n "$sbom" ]; then
    cp "$sbom" "$folder/ranktune.cdx.json"
fi

# Fixed times and order. A build of a commit knows its time; otherwise it is 1980, the first that zip knows.
time=${SOURCE_DATE_EPOCH:-315532800}
find "$folder" -exec touch -h -d "@$time" {} + 2>/dev/null || find "$folder" -exec touch -t 198001010000 {} +
cd "$work"
case $target in
*windows*)
    archive=$out/$name.zip
    rm -f "$archive"
    if command -v zip >/dev/null; then
        find "$name" -type f | LC_ALL=C sort | TZ=UTC zip -q -X -@ "$archive"
    else
        7z a -tzip -bd -bso0 "$archive" "$name"
    fi
    ;;
*)
    archive=$out/$name.tar.gz
    find "$name" -type f | LC_ALL=C sort >files
    if tar --version | grep -q GNU; then
        tar --owner=0 --group=0 --numeric-owner -cf - -T files | gzip -n9 >"$archive"
    else
        tar --uid 0 --gid 0 --numeric-owner -cf - -T files | gzip -n9 >"$archive"
    fi
    ;;
esac

# Beside the archive, by the name alone, as `sha256sum --check` and `shasum --check` read it.
cd "$out"
if command -v sha256sum >/dev/null; then sha256sum "${archive##*/}"; else shasum -a 256 "${archive##*/}"; fi >"${archive##*/}.sha256"
echo "$archive"
