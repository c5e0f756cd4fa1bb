#!/bin/sh
# Installs what `npm run prebuild -- --all` and `npm test -- prebuild` need for the other targets, as root, on Debian 12 or
# newer for amd64 or arm64: a cross compiler, musl for both architectures, and an emulator to try the foreign binaries in.
# Not on Ubuntu: its mirrors for amd64 have no packages for arm64. Use a container of debian:12 there, as the workflows do.
set -eu

fail() {
  echo "install-toolchains.sh: $1" >&2
  exit 1
}

[ -r /etc/os-release ] || fail 'this is not Debian: there is no /etc/os-release; use a container of debian:12'
# shellcheck source=/dev/null
distribution=$(. /etc/os-release && echo "${ID:-unknown} ${VERSION_ID:-0}")
case $distribution in
  'debian 1'[2-9]*) ;;
  # Testing and unstable have no number.
  'debian 0') ;;
  *) fail "this is $distribution, not Debian 12 or newer: use a container of debian:12" ;;
esac
own=$(dpkg --print-architecture)
case $own in
  amd64) foreign=arm64 cross=g++-aarch64-linux-gnu ;;
  arm64) foreign=amd64 cross=g++-x86-64-linux-gnu ;;
  *) fail "there are no targets for $own: use a machine of amd64 or arm64" ;;
esac
[ "$(id -u)" -eq 0 ] || fail 'installing packages needs root: call it with sudo'

export DEBIAN_FRONTEND=noninteractive
dpkg --add-architecture "$foreign"
apt-get update
apt-get install --yes --no-install-recommends \
  g++ make python3 "$cross" "musl-dev:$own" "musl-dev:$foreign" qemu-user-static
