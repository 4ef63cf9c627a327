#!/bin/bash
# Build the Xen of a proposal, a debug build, to be booted by `npm run witness -- --xen IMAGE`: some three minutes.
#
#   scripts/witness-xen.sh PROPOSAL XEN OUT
#
# XEN is a source tree, for example Debian's source package of xen unpacked; it is copied to OUT/tree, not changed, where the
# series is applied with git am. OUT/xen is the image, OUT/config its configuration.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PROPOSAL=${1:?a proposal} XEN=$(realpath "${2:?a Xen tree}") OUT=$(realpath -m "${3:?a folder}")
for need in make:make gcc:gcc flex:flex bison:bison python3:python3 git:git ld:binutils; do
	command -v "${need%:*}" >/dev/null || { echo "witness-xen: no ${need%:*}; install ${need#*:}" >&2; exit 2; }
done
[ -f "$XEN/xen/arch/x86/mm.c" ] ||
	{ echo "witness-xen: $XEN is no Xen tree; name one, such as Debian's source of xen unpacked" >&2; exit 2; }

rm -rf "$OUT/tree" "$OUT/series"
mkdir -p "$OUT/tree"
(cd "$XEN" && tar c --exclude=.git --exclude='*.o' --exclude='.*.cmd' .) | tar x -C "$OUT/tree"
node "$ROOT/bin/pvtwin.js" patches "$PROPOSAL" --xen "$XEN" --out "$OUT/series" --author "Witness <witness@example.org>" --json >/dev/null
rm "$OUT"/series/xen/0000-*.patch
cd "$OUT/tree"
git init -q && git config user.name Witness && git config user.email witness@example.org
git add -f xen tools/libs && git commit -q -m base
git am -q "$OUT"/series/xen/*.patch

build=(make -s -C xen XEN_TARGET_ARCH=x86_64)
"${build[@]}" defconfig >"$OUT/config.log" 2>&1
echo CONFIG_DEBUG=y >>xen/.config
"${build[@]}" olddefconfig >>"$OUT/config.log" 2>&1
for want in CONFIG_DEBUG=y CONFIG_PV=y; do
	grep -qx "$want" xen/.config || { echo "witness-xen: this tree cannot have $want; see $OUT/config.log" >&2; exit 2; }
done
"${build[@]}" -j"$(nproc)" >"$OUT/make.log" 2>&1 ||
	{ echo "witness-xen: Xen does not build; the last lines of $OUT/make.log:" >&2; tail -n 20 "$OUT/make.log" >&2; exit 1; }
cp xen/.config "$OUT/config"
gzip -dc xen/xen.gz >"$OUT/xen"
echo "$OUT/xen"
