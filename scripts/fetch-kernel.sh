#!/bin/bash
# Fetch Debian's kernel image for the tests of ELF notes, without installing it.
#
# Keeps the vmlinuz alone, in out/kernel/, and names it on the last line of output. Needs a Debian machine; of
# its package lists they are updated where they are missing or old, which takes root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

KEPT=out/kernel
APT=(apt-get -qq -o Acquire::Retries=3)
if [ "$(id -u)" -eq 0 ]; then
	APT+=(-o APT::Sandbox::User=root) # user _apt cannot write here
	AS=()
else
	AS=(sudo -n)
fi

# The package that linux-image-amd64 stands for today: linux-image-6.1.0-56-amd64.
image_package() {
	apt-cache depends linux-image-amd64 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n 1
}

# download DIRECTORY: the package into it, from the lists as they are.
download() {
	local package
	package=$(image_package)
	[ -n "$package" ] && (cd "$1" && "${APT[@]}" download "$package" >&2)
}

kept() {
	find "$KEPT" -maxdepth 1 -name 'vmlinuz-*' -size +1M 2>/dev/null | sort -V | tail -n 1
}

if [ -z "$(kept)" ]; then
	mkdir -p "$KEPT"
	scratch=$(mktemp -d "$KEPT/fetch.XXXXXX")
	trap 'rm -rf "$scratch"' EXIT
	if ! download "$scratch"; then
		"${AS[@]}" "${APT[@]}" update >&2
		download "$scratch" || { echo "fetch-kernel: apt has no linux-image-amd64; is this Debian on amd64?" >&2; exit 1; }
	fi
	dpkg-deb --fsys-tarfile "$scratch"/linux-image-*.deb | tar -x -C "$scratch" --wildcards './boot/vmlinuz-*'
	mv "$scratch"/boot/vmlinuz-* "$KEPT/" # last, so that what is kept is whole
fi
kept
