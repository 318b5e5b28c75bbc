# Debian packages for tests: which are missing, and their installation without removing any other and without
# starting a service. Sourced by tests/run and tests/bench/peers, which have `say` and call `restore_policy` at exit.

# What tests/bench/peers measures popgate beside, and counts with.
PEERS=(nginx libnginx-mod-mail haproxy dovecot-pop3d perdition strace valgrind)
POLICY=/usr/sbin/policy-rc.d
POLICY_MARK='# popgate tests: start no service while packages are installed'
DEBIAN_12=$(. /etc/os-release 2>/dev/null && [[ ${ID:-} == debian && ${VERSION_ID:-} == 12 ]] && echo yes || true)

# Those of the named packages that are not installed.
missing_packages() {
    local package
    for package in "$@"; do
        [[ $(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
    done
}

install_packages() {
    local plan
    # Package lists that are absent or out of date are fetched, once.
    plan=$(simulate "$@") || { update_lists; plan=$(simulate "$@"); } || return 1
    removes_nothing "$plan" || return 1
    forbid_services
    if ! apt_get install "$@"; then
        update_lists
        plan=$(simulate "$@") && removes_nothing "$plan" && apt_get install "$@" || return 1
    fi
    restore_policy
}

simulate() {
    apt-get --simulate --no-install-recommends install "$@"
}

apt_get() {
    DEBIAN_FRONTEND=noninteractive apt-get --yes --quiet --no-install-recommends --no-remove \
        -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold -o Dpkg::Use-Pty=0 "$@"
}

update_lists() {
    # A broken source of somebody else must not stop us: what we miss shows at the next step.
    say "fetching the package lists"
    apt-get update --quiet || true
}

removes_nothing() {
    local removed
    removed=$(grep -E '^(Remv|Purg) ' <<<"$1") || return 0
    say "the packages would remove others, so nothing is installed:"
    echo "$removed"
    return 1
}

# Debian asks this file before it starts a service; 101 means no.
forbid_services() {
    restore_policy
    [[ -e $POLICY ]] && mv "$POLICY" "$POLICY.popgate"
    printf '#!/bin/sh\n%s\nexit 101\n' "$POLICY_MARK" >"$POLICY"
    chmod 0755 "$POLICY"
}

# Also undoes what a run left that was killed.
restore_policy() {
    grep -qsF "$POLICY_MARK" "$POLICY" && rm -f "$POLICY"
    if [[ -e $POLICY.popgate ]]; then
        mv "$POLICY.popgate" "$POLICY"
    fi
}
