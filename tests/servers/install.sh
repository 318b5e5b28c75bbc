# Installs packages in the root that it runs in, and starts no service.
#   sh install.sh ARCHIVES PACKAGE...
# ARCHIVES keeps what was downloaded for the next run.
set -eu
archives=$1
shift
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

# Debian asks this file before it starts a service; 101 means no.
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 0755 /usr/sbin/policy-rc.d
# An index of manual pages that nobody reads here.
rm -f /var/lib/man-db/auto-update

install() {
    mkdir -p "$archives/partial"
    flock "$archives" apt-get --yes --quiet --no-install-recommends \
        -o Dir::Cache::archives="$archives" -o APT::Keep-Downloaded-Packages=true \
        -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 install "$@"
}

# Package lists that are absent or out of date are fetched, once. A broken source of somebody
# else must not stop us: what we miss shows at the second attempt.
install "$@" || { apt-get --quiet update || true; install "$@"; }
