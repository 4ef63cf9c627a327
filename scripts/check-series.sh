#!/bin/bash
# Hold the series of a proposal against a real tree, as its reviewers would.
#
#   scripts/check-series.sh PROPOSAL TREE [compile]
#
# TREE is a source tree of Linux, for example Debian's linux-source-6.1 unpacked, or of Xen; it is copied, not changed.
# Checked, patch by patch: git am, patch -p1, the recipients against get_maintainer.pl, the diffstat against git diff --stat;
# for Linux checkpatch.pl --strict (Xen has none; of its coding style, tabs, trailing blanks and lines of 80 columns and more
# are looked for); and with "compile" that it compiles without a new warning: Linux with make W=1 arch/x86/xen/ and whatever
# else the series changes, in a PV configuration, Xen whole, with assertions.
# Not asked of checkpatch: whether a new file needs an entry in MAINTAINERS, which is its maintainers' business.
# Needs git, perl, python3 with ply and git (for spdxcheck.py), and to compile what a kernel needs.
# The last line says how much failed, and how long it took. Exit 0 if nothing did.
set -uo pipefail
PROPOSAL=${1:?a proposal} SOURCE=$(realpath "${2:?a Linux or Xen tree}") COMPILE=${3:-}
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
failed=0
fail() {
	failed=$((failed + 1))
	echo "FAILED  $*"
}

if [ -f "$SOURCE/xen/Makefile" ]; then PROJECT=xen; else PROJECT=linux; fi
SERIES=$WORK/series
# What goes into the repository: all that a series may change, and what get_maintainer.pl looks at.
if [ "$PROJECT" = xen ]; then
	TRACKED=(MAINTAINERS xen tools/libs scripts)
	MAILS=$SERIES/xen
else
	TRACKED=(MAINTAINERS Makefile Documentation/admin-guide arch/x86 include kernel mm fs)
	MAILS=$SERIES
fi

# What the patches and the checks read; all of the tree to compile.
TREE=$WORK/tree
mkdir "$TREE"
if [ "$COMPILE" = compile ]; then
	(cd "$SOURCE" && tar c --exclude=.git --exclude='*.o' --exclude='.*.cmd' .) | tar x -C "$TREE"
elif [ "$PROJECT" = xen ]; then
	(cd "$SOURCE" && tar c --exclude='*.o' "${TRACKED[@]}") | tar x -C "$TREE"
else
	(cd "$SOURCE" && tar c --ignore-failed-read .mailmap COPYING CREDITS Kbuild README scripts "${TRACKED[@]}" 2>/dev/null) |
		tar x -C "$TREE"
	(cd "$TREE" && mkdir -p drivers init ipc lib) # by these the script knows a tree
fi
if [ "$PROJECT" = xen ]; then # by what lies at the top too
	(cd "$SOURCE" && find . -mindepth 1 -maxdepth 1 -type f ! -name '.git*' -exec cp {} "$TREE" \;)
	(cd "$SOURCE" && find . -mindepth 1 -maxdepth 1 -type d ! -name '.git*' -exec mkdir -p "$TREE/{}" \;)
fi
cd "$TREE" || exit 1
node "$ROOT/bin/pvtwin.js" patches "$PROPOSAL" --"$PROJECT" "$SOURCE" --out "$SERIES" --json >"$WORK/series.json" || exit 1
git init -q && git config user.name "Check" && git config user.email check@example.org &&
	git add -f "${TRACKED[@]}" && git commit -q -m base

# warnings: the compiler's, without line numbers, sorted.
warnings() {
	{ grep -E 'warning:|error:' || true; } | sed -E 's/:[0-9]+(:[0-9]+)?:/:/g' | sort -u
}
# Objects that the series changes, other than what make arch/x86/xen/ makes.
objects() {
	sed -n 's,^+++ b/\(.*\)\.c$,\1.o,p' "$MAILS"/*.patch | grep -v '^arch/x86/xen/' | sort -u
}
compile() {
	if [ "$PROJECT" = xen ]; then
		make -s -j"$(nproc)" -C xen XEN_TARGET_ARCH=x86_64 >"$WORK/make.log" 2>&1 || return 1
	else
		rm -f arch/x86/xen/*.o $(objects)
		make -s -j"$(nproc)" W=1 arch/x86/xen/ $(objects) >"$WORK/make.log" 2>&1 || return 1
	fi
	warnings <"$WORK/make.log"
}
configure() {
	if [ "$PROJECT" = xen ]; then
		make -s -C xen XEN_TARGET_ARCH=x86_64 defconfig >/dev/null 2>&1 && echo CONFIG_DEBUG=y >>xen/.config &&
			make -s -C xen XEN_TARGET_ARCH=x86_64 olddefconfig >/dev/null 2>&1 && grep -q '^CONFIG_PV=y' xen/.config
		return
	fi
	make -s tinyconfig >/dev/null 2>&1
	printf 'CONFIG_%s=y\n' 64BIT SMP PRINTK HYPERVISOR_GUEST PARAVIRT XEN XEN_PV PCI ACPI XEN_DOM0 HOTPLUG_CPU \
		X86_VSYSCALL_EMULATION PAGE_TABLE_ISOLATION DEBUG_KERNEL DEBUG_VM PROVE_LOCKING >"$WORK/pv.config"
	scripts/kconfig/merge_config.sh -m .config "$WORK/pv.config" >/dev/null 2>&1
	make -s olddefconfig >/dev/null 2>&1 && grep -q '^CONFIG_XEN_PV=y' .config
}
if [ "$COMPILE" = compile ]; then
	configure || fail "no PV configuration"
	compile >"$WORK/before" || fail "the tree does not compile: $(tail -n 3 "$WORK/make.log")"
fi

# style PATCH: what the project's own script says, or of Xen's CODING_STYLE what a line shows by itself.
style() {
	if [ "$PROJECT" = linux ]; then
		perl scripts/checkpatch.pl --strict --no-summary -q --ignore FILE_PATH_CHANGES "$1" 2>&1
		return
	fi
	! grep -nP '^\+(?:.*[ \t]$|.*\t|.{80,})' "$1"
}
recipients() {
	perl scripts/get_maintainer.pl --nogit --nogit-fallback --norolestats "$1" 2>/dev/null | sort
}

git clone -q . "$WORK/plain"
began=$SECONDS
for patch in "$MAILS"/0*.patch; do
	name=$(basename "$patch")
	case $name in 0000-*) continue ;; esac
	git am -q "$patch" || fail "$name: git am"
	patch -p1 -s -d "$WORK/plain" <"$patch" || fail "$name: patch -p1"
	found=$(style "$patch") || fail "$name: style: $found"
	recipients "$patch" >"$WORK/script"
	node -e '
		const { patches } = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8"));
		const { maintainers } = patches.find(({ file }) => file.endsWith(process.argv[2]));
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
(cd "$WORK/plain" && git add -A -f && git write-tree) >"$WORK/patched"
git rev-parse 'HEAD^{tree}' | cmp -s - "$WORK/patched" || fail "git am and patch leave different trees"
echo "$PROPOSAL on $SOURCE: $failed failed, $((SECONDS - began)) s for the patches, $SECONDS s in all"
[ "$failed" -eq 0 ]
