#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
#
# deps.sh FEATURE...: install with apt-get what the features need and is not there yet.
# Says what it does; does nothing, at once, when everything is there. Debian 12 and 13.
set -u

packages_of() {
	case $1 in
	python)    echo python3 ;;
	build)     echo gcc binutils libc6-dev linux-libc-dev meson ninja-build python3 psf-unifont ;;
	clang)     echo clang lld libclang-rt-dev ;;
	qemu)      echo qemu-system-x86 ;;
	debug)     echo gdb ;;
	iso)       echo grub-common grub-pc-bin xorriso mtools ;;
	models)    echo spin gcc libc6-dev ;;
	cbmc)      echo cbmc gcc libc6-dev ;;
	check)     echo clang-format sparse binutils ;;
	chroot)    echo mmdebstrap ;;
	bench)     echo zstd ;;
	disk)      echo cpio e2fsprogs fakeroot fdisk qemu-utils ;;
	net)       echo curl git openssh-client openssl apache2-utils iperf3 redis-tools ;;
	*)         echo "deps.sh: unknown feature '$1'" >&2; exit 2 ;;
	esac
}

say() { echo "nos: $*" >&2; }

codename() { (. /etc/os-release 2>/dev/null && echo "${VERSION_CODENAME:-unknown}"); }

installed() { dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed; }

# A package's stand-in: the compilers' runtime library is named after its version on Debian 12.
resolve() {
	case $1 in
	libclang-rt-dev)
		if [ "$(codename)" = bookworm ]; then echo libclang-rt-14-dev; else echo libclang-rt-19-dev; fi ;;
	*) echo "$1" ;;
	esac
}

# Programs count as well as packages: someone may have built his own.
present() {
	case $1 in
	python3) command -v python3 >/dev/null ;;
	meson)   command -v meson >/dev/null ;;
	ninja-build) command -v ninja >/dev/null ;;
	gcc|clang|gdb|spin|sparse|cbmc|clang-format|mmdebstrap) command -v "$1" >/dev/null ;;
	qemu-system-x86) qemu_major_is_10 ;;
	linux-libc-dev) uapi_is_6_12 ;;
	*) installed "$1" ;;
	esac
}

qemu_major_is_10() {
	version=$(qemu-system-x86_64 --version 2>/dev/null | sed -n 's/.*version \([0-9]*\)\..*/\1/p')
	[ "${version:-0}" -ge 10 ]
}

# The UAPI headers of the Linux whose interface NOS has.
uapi_is_6_12() {
	version=$(dpkg-query -W -f '${Version}' linux-libc-dev 2>/dev/null)
	[ -n "$version" ] && dpkg --compare-versions "$version" ge 6.12
}

apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=900 -o Dpkg::Use-Pty=0 "$@" >&2
}

# Someone else may hold the lists' lock, for which apt-get does not wait.
apt_update() {
	say "apt-get update"
	for _ in 1 2 3 4 5 6; do
		apt update && return 0
		sleep 10
	done
	return 1
}

# Debian 12's QEMU is too old; its backports have a newer one. The mirror is the one in use here.
add_backports() {
	apt-cache policy 2>/dev/null | grep -q 'n=bookworm-backports' && return 0
	uri=$(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
		sed -n 's/^deb[[:space:]]*\(\[[^]]*\]\)\{0,1\}[[:space:]]*\([^[:space:]]*\)[[:space:]]*bookworm[[:space:]].*main.*/\2/p' | head -n 1)
	key=
	if [ -z "$uri" ]; then
		for file in /etc/apt/sources.list.d/*.sources; do
			[ -f "$file" ] || continue
			uri=$(awk 'BEGIN { RS = "" } /Suites:[^\n]*bookworm( |\n|$)/ {
				n = split($0, line, "\n")
				for (i = 1; i <= n; i++) if (line[i] ~ /^URIs:/) { split(line[i], w, " "); print w[2]; exit }
			}' "$file")
			[ -n "$uri" ] || continue
			key=$(sed -n 's/^Signed-By: *//p' "$file" | head -n 1)
			break
		done
	fi
	if [ -z "$uri" ]; then
		say "no apt source for bookworm found, so none for its backports (QEMU 10) can be made"
		return 1
	fi
	say "adding bookworm-backports to the apt sources"
	{
		echo "Types: deb"
		echo "URIs: $uri"
		echo "Suites: bookworm-backports"
		echo "Components: main"
		[ -z "$key" ] || echo "Signed-By: $key"
	} >/etc/apt/sources.list.d/nos-backports.sources
	apt_update
}

install() {
	options=--no-install-recommends
	case " $* " in
	*" qemu-system-x86 "*|*" linux-libc-dev "*)
		[ "$(codename)" != bookworm ] || { add_backports || return 1; options="$options -t bookworm-backports"; } ;;
	esac
	say "installing $*"
	# shellcheck disable=SC2086
	apt install -y $options "$@" && return 0
	apt_update || return 1
	# shellcheck disable=SC2086
	apt install -y $options "$@"
}

missing= newer= # newer: from backports on Debian 12
for feature in "$@"; do
	for package in $(packages_of "$feature"); do
		present "$package" && continue
		package=$(resolve "$package")
		case $package in
		qemu-system-x86|linux-libc-dev) newer="$newer $package"; continue ;;
		esac
		installed "$package" && continue
		case " $missing " in *" $package "*) ;; *) missing="$missing $package" ;; esac
	done
done
[ -n "$missing$newer" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	say "missing:$missing$newer; this is not Debian, so install their equivalents yourself"
	exit 1
fi
if [ "$(id -u)" != 0 ]; then
	if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
		exec sudo -n sh "$0" "$@"
	fi
	say "missing:$missing$newer; run once as root: sh $0 $*"
	exit 1
fi
# shellcheck disable=SC2086
{ [ -z "$missing" ] || install $missing; } && { [ -z "$newer" ] || install $newer; } && exit 0
say "could not install:$missing$newer (is there a network, and are the apt sources right?)"
exit 1
