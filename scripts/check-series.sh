#!/bin/bash
# Hold the series of a proposal against a real Linux tree, as its reviewers would.
#
#   scripts/check-series.sh PROPOSAL LINUX [compile]
#
# LINUX is a source tree, for example Debian's linux-source-6.1 unpacked; it is copied, not changed. Checked, patch by
# patch: git am, patch -p1, checkpatch.pl --strict, the recipients against get_maintainer.pl, the diffstat against
# git diff --stat, and, with "compile", make W=1 arch/x86/xen/ in a PV configuration without a new warning.
# Not asked of checkpatch: whether a new file needs an entry in MAINTAINERS, which is its maintainers' business.
# The last line says how much failed, and how long it took. Exit 0 if nothing did.
set -uo pipefail
PROPOSAL=${1:?a proposal} LINUX=$(realpath "${2:?a Linux tree}") COMPILE=${3:-}
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
failed=0
fail() {
	failed=$((failed + 1))
	echo "FAILED  $*"
}

# What the patches and the checks read; all of the tree to compile.
PARTS=(MAINTAINERS Makefile .mailmap COPYING CREDITS Kbuild README Documentation arch include drivers fs init ipc kernel lib mm scripts)
TREE=$WORK/linux
mkdir "$TREE"
if [ "$COMPILE" = compile ]; then
	(cd "$LINUX" && tar c --exclude=.git --exclude='*.o' --exclude='.*.cmd' .) | tar x -C "$TREE"
else
	(cd "$LINUX" && tar c --ignore-failed-read "${PARTS[@]:0:7}" scripts Documentation/admin-guide arch/x86 include \
		kernel mm fs 2>/dev/null) | tar x -C "$TREE"
	(cd "$TREE" && mkdir -p arch drivers init ipc lib)
fi
cd "$TREE" || exit 1
node "$ROOT/bin/pvtwin.js" patches "$PROPOSAL" --linux "$LINUX" --out "$WORK/series" --json >"$WORK/series.json" || exit 1
git init -q && git config user.name "Check" && git config user.email check@example.org &&
	git add MAINTAINERS Makefile Documentation/admin-guide arch/x86 include kernel mm fs && git commit -q -m base

# warnings: the compiler's, without line numbers, sorted.
warnings() {
	grep -E 'warning:|error:' | sed -E 's/:[0-9]+(:[0-9]+)?:/:/g' | sort -u
}
compile() {
	rm -f arch/x86/xen/*.o
	make -s -j"$(nproc)" W=1 arch/x86/xen/ >"$WORK/make.log" 2>&1 || return 1
	warnings <"$WORK/make.log"
}
if [ "$COMPILE" = compile ]; then
	make -s tinyconfig >/dev/null 2>&1
	printf 'CONFIG_%s=y\n' 64BIT SMP PRINTK HYPERVISOR_GUEST PARAVIRT XEN XEN_PV PCI ACPI XEN_DOM0 HOTPLUG_CPU \
		X86_VSYSCALL_EMULATION PAGE_TABLE_ISOLATION DEBUG_KERNEL DEBUG_VM PROVE_LOCKING >"$WORK/pv.config"
	scripts/kconfig/merge_config.sh -m .config "$WORK/pv.config" >/dev/null 2>&1
	make -s olddefconfig >/dev/null 2>&1 && grep -q '^CONFIG_XEN_PV=y' .config || fail "no PV configuration"
	compile >"$WORK/before" || fail "the tree does not compile: $(tail -n 3 "$WORK/make.log")"
fi

git clone -q . "$WORK/plain"
began=$SECONDS
for patch in "$WORK"/series/0*.patch; do
	name=$(basename "$patch")
	case $name in 0000-*) continue ;; esac
	git am -q "$patch" || fail "$name: git am"
	patch -p1 -s -d "$WORK/plain" <"$patch" || fail "$name: patch -p1"
	style=$(perl scripts/checkpatch.pl --strict --no-summary -q --ignore FILE_PATH_CHANGES "$patch" 2>&1) || fail "$name: checkpatch.pl: $style"
	perl scripts/get_maintainer.pl --nogit --nogit-fallback --norolestats "$patch" 2>/dev/null | sort >"$WORK/script"
	node -e '
		const { patches } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
		const { maintainers } = patches.find(({ file }) => file === process.argv[2]);
		process.stdout.write(maintainers.map(({ email }) => `${email}\n`).join(""));
	' "$WORK/series.json" "$name" | sort >"$WORK/ours"
	diff "$WORK/script" "$WORK/ours" >"$WORK/difference" || fail "$name: recipients: $(cat "$WORK/difference")"
	git diff --stat=72 HEAD~1 HEAD >"$WORK/stat"
	sed -n '/^---$/,/^$/p' "$patch" | grep -E '^ .*(\||changed)' | diff - "$WORK/stat" >/dev/null || fail "$name: diffstat"
	if [ "$COMPILE" = compile ]; then
		compile >"$WORK/after" || fail "$name: does not compile: $(tail -n 3 "$WORK/make.log")"
		comm -13 "$WORK/before" "$WORK/after" >"$WORK/new"
		[ ! -s "$WORK/new" ] || fail "$name: new warnings: $(cat "$WORK/new")"
	fi
	echo "$name: $(wc -l <"$WORK/ours") recipients, $(tail -n 1 "$WORK/stat")"
done
(cd "$WORK/plain" && git add -A && git write-tree) >"$WORK/patched"
git rev-parse 'HEAD^{tree}' | cmp -s - "$WORK/patched" || fail "git am and patch leave different trees"
echo "$PROPOSAL on $LINUX: $failed failed, $((SECONDS - began)) s for the patches, $SECONDS s in all"
[ "$failed" -eq 0 ]
