#!/bin/bash
# Build the Linux of a proposal, to be booted by `npm run witness`: some five minutes on two free processors.
#
#   scripts/witness-kernel.sh PROPOSAL LINUX OUT [FRAGMENT...]
#
# LINUX is a source tree, for example Debian's linux-source-6.1 unpacked; it is copied to OUT/linux, not changed. The series
# and the witness are applied there with git am, tinyconfig and witness/pv.config (and the FRAGMENTs) are the configuration,
# OUT/build is where it is built, and OUT/bzImage the result. A second run builds what changed.
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
PROPOSAL=${1:?a proposal} LINUX=$(realpath "${2:?a Linux tree}") OUT=$(realpath -m "${3:?a folder}")
shift 3
for need in make:make gcc:gcc flex:flex bison:bison bc:bc git:git ld:binutils; do
	command -v "${need%:*}" >/dev/null || { echo "witness-kernel: no ${need%:*}; install ${need#*:}" >&2; exit 2; }
done
[ -f "$LINUX/arch/x86/xen/mmu_pv.c" ] ||
	{ echo "witness-kernel: $LINUX is no Linux tree; name one, such as linux-source-6.1 unpacked" >&2; exit 2; }
CC=gcc
command -v ccache >/dev/null && CC="ccache gcc"

if [ ! -d "$OUT/linux/.git" ]; then
	mkdir -p "$OUT/linux" "$OUT/build"
	(cd "$LINUX" && tar c --exclude=.git --exclude='*.o' --exclude='.*.cmd' .) | tar x -C "$OUT/linux"
	cd "$OUT/linux"
	make -s mrproper
	git init -q && git config user.name Witness && git config user.email witness@example.org
	git add -f MAINTAINERS Documentation/admin-guide arch/x86 include kernel fs && git commit -q -m base && git tag base
fi
rm -rf "$OUT/series"
cd "$OUT/linux"
git am --abort 2>/dev/null || true
git reset -q --hard base
(cd "$ROOT" && node -r ts-node/register witness/prototype-series.ts "$PROPOSAL" "$OUT/linux" "$OUT/series")
rm "$OUT"/series/0000-*.patch
git am -q "$OUT"/series/*.patch

make -s O="$OUT/build" tinyconfig >/dev/null
scripts/kconfig/merge_config.sh -m -O "$OUT/build" "$OUT/build/.config" "$ROOT/witness/pv.config" "$@" >"$OUT/config.log" 2>&1
make -s O="$OUT/build" olddefconfig 2>/dev/null
for want in $(grep -hE '^CONFIG_[A-Z0-9_]+=y' "$ROOT/witness/pv.config" "$@"); do
	grep -qx "$want" "$OUT/build/.config" ||
		{ echo "witness-kernel: this tree cannot have $want; see $OUT/config.log" >&2; exit 2; }
done
make -s O="$OUT/build" -j"$(nproc)" CC="$CC" HOSTCC="$CC" bzImage >"$OUT/make.log" 2>&1 ||
	{ echo "witness-kernel: the kernel does not build; the last lines of $OUT/make.log:" >&2; tail -n 20 "$OUT/make.log" >&2; exit 1; }
cp "$OUT/build/arch/x86/boot/bzImage" "$OUT/bzImage"
echo "$OUT/bzImage"
