# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the scripts of deploy/ share: how they talk, who may be root, packages, the build. Sourced, with
# ROOT (the source tree) set. Long work goes through `step`: one line on the screen, everything else in a log.

BUILD=$ROOT/build
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PYTHONDONTWRITEBYTECODE=1

# -- how it looks ---------------------------------------------------------------

TERMINAL=
BOLD='' DIM='' RED='' GREEN='' PLAIN=''
if [[ -t 1 && ${TERM:-dumb} != dumb ]]; then
    TERMINAL=yes
    if [[ -z ${NO_COLOR:-} ]]; then
        BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
    fi
fi

title() {
    printf '\n%s%s%s  %s\n\n' "$BOLD" "$1" "$PLAIN" "$2"
}

# line COLOUR LABEL TEXT SECONDS
line() {
    printf '  %s%-17s%s %-50s %s%8s%s' "$1" "$2" "$PLAIN" "$3" "$DIM" "${4:+$4 s}" "$PLAIN"
}

fail() {
    printf '%s%s%s\n' "$RED" "$1" "$PLAIN" >&2
    exit "${2:-1}"
}

seconds_since() {
    local now=${EPOCHREALTIME/[.,]/} began=${1/[.,]/} tenths
    tenths=$(((now - began) / 100000))
    printf '%d.%d' $((tenths / 10)) $((tenths % 10))
}

# -- long steps -----------------------------------------------------------------

STEP_GROUP=

# End the work of the step that is going on, and everything it has started.
step_abort() {
    if [[ -n $STEP_GROUP ]]; then
        kill -TERM -- "-$STEP_GROUP" 2>/dev/null || true
        wait "$STEP_GROUP" 2>/dev/null || true
        STEP_GROUP=
    fi
}

interrupted() {
    step_abort
    [[ -z $TERMINAL ]] || printf '\r\e[K'
    printf '  stopped\n'
    exit "$1"
}
trap 'interrupted 130' INT
trap 'interrupted 143' TERM
trap 'interrupted 129' HUP

# step LABEL TEXT LOG COMMAND...   The command's output goes to the log; its end is shown if the command fails.
step() {
    local label=$1 text=$2 log=$3 began=$EPOCHREALTIME status=0 progress
    shift 3
    mkdir -p "$(dirname "$log")"
    : >"$log"
    set -m
    (
        set -e
        trap - INT TERM HUP
        "$@"
    ) >>"$log" 2>&1 </dev/null &
    STEP_GROUP=$!
    set +m
    if [[ -n $TERMINAL ]]; then
        while kill -0 "$STEP_GROUP" 2>/dev/null; do
            # ninja's and meson's own count, if the log has one
            progress=$(tail -n 1 "$log" | grep -oE '^\[[0-9]+/[0-9]+\]' || true)
            printf '\r\e[K%s' "$(line "$DIM" "$label" "$text ... $progress" "$(seconds_since "$began")")"
            sleep 0.1
        done
        printf '\r\e[K'
    fi
    wait "$STEP_GROUP" || status=$?
    STEP_GROUP=
    if [[ $status != 0 ]]; then
        line "$RED" "$label" "$text: failed" "$(seconds_since "$began")"
        printf '\n\n'
        tail -n 25 "$log" | sed 's/^/    /'
        fail $'\n'"The whole log: ${log#"$PWD"/}"
    fi
    line "$GREEN" "$label" "$text" "$(seconds_since "$began")"
    printf '\n'
}

# -- root -----------------------------------------------------------------------

SUDO=()

# need_root WHY: as root there is nothing to do; else sudo is asked once, now.
need_root() {
    [[ $EUID != 0 ]] || return 0
    command -v sudo >/dev/null || fail "This needs root ($1): run it as root, or install sudo." 2
    if ! sudo -n true 2>/dev/null; then
        [[ -t 0 ]] || fail "This needs root ($1): run it as root, or where sudo can ask for a password." 2
        printf '  sudo is asked, since %s\n' "$1"
        sudo -v || fail "Without root this cannot go on." 2
    fi
    SUDO=(sudo -n)
}

# -- packages -------------------------------------------------------------------

# packages_in SECTION...
packages_in() {
    awk -v wanted=" $* " '
        { sub(/#.*/, "") }
        /^\[/ { gsub(/[][ \t]/, ""); on = index(wanted, " " $0 " "); next }
        on && NF { print $1 }' "$ROOT/deploy/packages"
}

# shellcheck disable=SC2016  # dpkg-query expands it
packages_missing() {
    comm -23 <(packages_in "$@" | sort -u) \
        <(packages_in "$@" | xargs dpkg-query -W -f '${db:Status-Status} ${Package}\n' 2>/dev/null | sed -n 's/^installed //p' | sort -u)
}

# The installation itself, as a step. Nobody asks anything, and no daemon starts or is left switched on.
packages_install() {
    local policy=/usr/sbin/policy-rc.d unit units=()

    while read -r unit; do
        command -v systemctl >/dev/null && systemctl cat "$unit.service" >/dev/null 2>&1 || units+=("$unit")
    done < <(packages_in services)
    if [[ ! -e $policy ]]; then
        trap '"${SUDO[@]}" rm -f /usr/sbin/policy-rc.d' EXIT
        printf '#!/bin/sh\nexit 101\n' | "${SUDO[@]}" tee "$policy" >/dev/null
        "${SUDO[@]}" chmod 755 "$policy"
    fi
    printf 'slapd slapd/no_configuration boolean true\n' | "${SUDO[@]}" debconf-set-selections
    "${SUDO[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 update
    "${SUDO[@]}" env DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 \
        apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold --no-install-recommends install "$@"
    for unit in "${units[@]}"; do
        if command -v systemctl >/dev/null && systemctl cat "$unit.service" >/dev/null 2>&1; then
            "${SUDO[@]}" systemctl --quiet disable "$unit.service" || true
        fi
    done
}

# packages LOG SECTION...
packages() {
    local log=$1 began=$EPOCHREALTIME missing
    shift
    command -v apt-get >/dev/null || fail "This needs Debian's apt-get; on another system install what deploy/packages names, by hand." 2
    mapfile -t missing < <(packages_missing "$@")
    if [[ ${#missing[@]} == 0 ]]; then
        line "$GREEN" packages "all installed" "$(seconds_since "$began")"
        printf '\n'
        return 0
    fi
    need_root "apt installs ${#missing[@]} packages"
    step packages "${#missing[@]} installed by apt" "$log" packages_install "${missing[@]}"
}

# -- build ----------------------------------------------------------------------

build_run() {
    [[ -e $BUILD/build.ninja ]] || meson setup "$BUILD" "$ROOT"
    ninja -C "$BUILD"
}

# build LOG: from whatever state the build folder is in.
build() {
    step build "$(git_describe)" "$1" build_run
}

git_describe() {
    local what
    what=$(git -C "$ROOT" describe --always --dirty 2>/dev/null || true)
    printf 'sosync%s, in %s' "${what:+ $what}" "${BUILD#"$PWD"/}"
}
