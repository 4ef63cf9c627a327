#!/bin/bash
# Fetch Debian's kernel images for the tests of ELF notes, without installing them.
#
# Keeps the vmlinuz of each flavour alone, in out/kernel/, and names them, the generic one on the last line of
# output. Needs a Debian machine; of its package lists they are updated where they are missing or old, which
# takes root. A flavour other than the generic one that cannot be had is left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

KEPT=out/kernel
FLAVOURS=(cloud-amd64 amd64) # the generic one last
APT=(apt-get -qq -o Acquire::Retries=3)
if [ "$(id -u)" -eq 0 ]; then
	APT+=(-o APT::Sandbox::User=root) # user _apt cannot write here
	AS=()
else
	AS=(sudo -n)
fi

# image_package FLAVOUR: the package that linux-image-FLAVOUR stands for today: linux-image-6.1.0-56-amd64.
image_package() {
	apt-cache depends "linux-image-$1" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1
}

# download FLAVOUR DIRECTORY: the package into it, from the lists as they are.
download() {
	local package
	package=$(image_package "$1")
	[ -n "$package" ] && (cd "$2" && "${APT[@]}" download "$package" >&2)
}

# kept FLAVOUR: the newest that is there.
kept() {
	find "$KEPT" -maxdepth 1 -regextype posix-extended -regex ".*/vmlinuz-[0-9.]+(-[0-9]+)?-$1" -size +1M 2>/dev/null |
		sort -V | tail -n 1
}

# fetch FLAVOUR: into $KEPT.
fetch() {
	local scratch status=0
	scratch=$(mktemp -d "$KEPT/fetch.XXXXXX")
	if ! download "$1" "$scratch"; then
		"${AS[@]}" "${APT[@]}" update >&2 || true
		download "$1" "$scratch" || status=1
	fi
	if [ $status -eq 0 ]; then
		dpkg-deb --fsys-tarfile "$scratch"/linux-image-*.deb | tar -x -C "$scratch" --wildcards './boot/vmlinuz-*' &&
			mv "$scratch"/boot/vmlinuz-* "$KEPT/" || status=1 # last, so that what is kept is whole
	fi
	rm -rf "$scratch"
	return $status
}

mkdir -p "$KEPT"
for flavour in "${FLAVOURS[@]}"; do
	if [ -z "$(kept "$flavour")" ] && ! fetch "$flavour"; then
		echo "fetch-kernel: apt has no linux-image-$flavour; is this Debian on amd64?" >&2
		if [ "$flavour" = amd64 ]; then exit 1; fi
	fi
	kept "$flavour"
done
