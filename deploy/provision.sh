#!/usr/bin/env bash
# Brings a bare Debian to a running vpbx under systemd. Run it again at any time, after an upgrade of the checkout
# too: what is there already is kept, the operator's YAML and secrets above all. What it makes:
#
#     /opt/vpbx/<version>-<digest>/    this checkout installed with its locked requirements; current -> the newest
#     /etc/vpbx/                       the project: what the operator writes
#     /var/lib/vpbx/                   everything vpbx writes; /etc/vpbx/.vpbx leads here
#     /etc/default/vpbx                settings of the services
#     /usr/local/bin/vpbx              the command, on that project and as that user
#     vpbx-switch, vpbx-listen         systemd services; Debian's own asterisk.service never runs beside them
#
# docs/operations.md says how to live with it.
set -euo pipefail

readonly CHECKOUT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly OPT=/opt/vpbx PROJECT=/etc/vpbx STATE=/var/lib/vpbx CACHE=/var/cache/vpbx
readonly SETTINGS=/etc/default/vpbx COMMAND=/usr/local/bin/vpbx OWNER=vpbx
readonly UNITS=(vpbx-switch.service vpbx-listen.service)
readonly LOG=/var/log/vpbx-provision.log
readonly PYTHONS=(3.13 3.12 3.11)   # those of pyproject.toml, newest first
readonly OLDEST_ASTERISK=20
readonly APT=(-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o APT::Update::Error-Mode=any)
readonly APT_DEADLINE_S=900 PIP_DEADLINE_S=900 VERB_DEADLINE_S=120

apt_is_fresh=no held_starts=no source_tree='' told=no

usage() {
    cat <<'TEXT'
Usage: deploy/provision.sh [OPTION...]

Installs vpbx on this Debian and starts it. Needs root.

For a project that isn't there yet (an existing /etc/vpbx is never changed):
  --seed starter|example   what to begin with: one tenant to edit, or the example platform  [starter]
  --sip HOST:PORT          where the node listens for SIP
  --rtp FIRST-LAST         its media ports
  --ami HOST:PORT          its control port; loopback only
  --metrics HOST:PORT      its /health and /metrics; loopback only
  --trunk HOST:PORT        address of the operator behind the trunk `main`

  --no-start               install and check everything, start nothing
  --help                   this

Example: deploy/provision.sh --seed example --sip 192.0.2.10:5060
TEXT
}

main() {
    trap 'finish $?' EXIT
    step="reading the options"
    read_options "$@"
    check_machine
    : >>"$LOG"; chmod 0640 "$LOG"
    printf '\n== %s: %s\n' "$(date -u +%FT%TZ)" "$CHECKOUT" >>"$LOG"
    exec 9>/run/vpbx-provision.lock
    flock --nonblock 9 || fail "another provision.sh is at work" "wait for it to end"
    keep_debians_asterisk_down
    install_packages
    make_user
    install_release
    install_asterisk
    seed_project
    install_settings
    install_units
    apply_definitions
    start_services
}

read_options() {
    seed=starter start=yes sip='' rtp='' ami='' metrics='' trunk=''
    while [ $# -gt 0 ]; do
        case $1 in
            --seed | --sip | --rtp | --ami | --metrics | --trunk)
                [ $# -ge 2 ] || fail "$1 needs a value" "deploy/provision.sh --help"
                printf -v "${1#--}" '%s' "$2"
                shift 2 ;;
            --no-start) start=no; shift ;;
            --help | -h) usage; exit 0 ;;
            *) fail "unknown option $1" "deploy/provision.sh --help" ;;
        esac
    done
    case $seed in starter | example) ;; *) fail "--seed $seed: starter or example" "deploy/provision.sh --help" ;; esac
    local name
    for name in sip ami metrics trunk; do
        [[ -z ${!name} || ${!name} =~ ^[0-9A-Za-z.-]+:[0-9]{1,5}$ ]] \
            || fail "--$name ${!name}: not HOST:PORT" "for example --$name 192.0.2.10:5060"
    done
    [[ -z $rtp || $rtp =~ ^[0-9]{1,5}-[0-9]{1,5}$ ]] || fail "--rtp $rtp: not FIRST-LAST" "for example --rtp 10000-20000"
}

check_machine() {
    step="looking at this machine"
    [ "$(id -u)" -eq 0 ] || fail "it needs root" "sudo deploy/provision.sh"
    local distribution
    distribution="$(. /etc/os-release && echo "${ID:-unknown}")"
    [ "$distribution" = debian ] || fail "this is $distribution, and it knows Debian only" "use a Debian 12 or newer"
    [ -f "$CHECKOUT/pyproject.toml" ] || fail "$CHECKOUT is no checkout of vpbx" "run it from its place in the checkout"
    local tool
    for tool in apt-get systemctl systemd-analyze setpriv flock tar; do
        command -v "$tool" >/dev/null || fail "there is no $tool on this machine" "it needs a Debian with systemd"
    done
    if [ -d /run/systemd/system ]; then systemd_runs=yes; else systemd_runs=no; fi
    if [ $systemd_runs = no ] && [ $start = yes ]; then
        start=no
        say "systemd doesn't run here: everything is installed and checked, nothing is started"
    fi
}

# Two switches on one machine would fight for ports, and Debian's package starts its own as soon as it is there.
keep_debians_asterisk_down() {
    step="keeping Debian's own asterisk.service down"
    if [ $systemd_runs = yes ] && systemctl --quiet is-active asterisk.service; then
        fail "asterisk.service runs on this machine, perhaps with calls of its own" \
            "end it yourself: systemctl disable --now asterisk.service"
    fi
    [ "$(readlink /etc/systemd/system/asterisk.service)" = /dev/null ] && return
    run systemctl mask asterisk.service
}

install_packages() {
    step="installing Debian packages"
    local wanted=(ca-certificates espeak-ng fonts-dejavu-core libharfbuzz-subset0 libpangoft2-1.0-0 logrotate) missing=() package
    if ! python="$(installed_python)"; then
        update_apt
        python="$(offered_python)" \
            || fail "this Debian offers no Python of ${PYTHONS[*]}" "use a Debian 12 or newer"
        wanted+=("python$python-venv")
    fi
    if ! usable_asterisk; then
        update_apt
        if offered_asterisk; then wanted+=(asterisk); fi
    fi
    # Prompts of the switch in Russian: where this Debian has none, what it says by itself is English.
    if [ -n "$(candidate asterisk-core-sounds-ru-wav)" ]; then wanted+=(asterisk-core-sounds-ru-wav); fi
    for package in "${wanted[@]}"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q ' installed$' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    say "installing ${missing[*]}"
    update_apt
    hold_starts
    run timeout $APT_DEADLINE_S env DEBIAN_FRONTEND=noninteractive apt-get "${APT[@]}" install -yq \
        --no-install-recommends "${missing[@]}"
    release_starts
}

update_apt() {
    [ $apt_is_fresh = yes ] && return
    run timeout $APT_DEADLINE_S apt-get "${APT[@]}" update -q
    apt_is_fresh=yes
}

installed_python() {
    local version
    for version in "${PYTHONS[@]}"; do
        if /usr/bin/python"$version" -c 'import ensurepip, venv' 2>/dev/null; then echo "$version"; return; fi
    done
    return 1
}

offered_python() {
    local version
    for version in "${PYTHONS[@]}"; do
        if [ -n "$(candidate "python$version-venv")" ]; then echo "$version"; return; fi
    done
    return 1
}

usable_asterisk() {
    local told
    told="$(/usr/sbin/asterisk -V 2>/dev/null)" || return 1
    [[ $told =~ ^Asterisk\ ([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -ge $OLDEST_ASTERISK ]
}

offered_asterisk() {
    local version
    version="$(candidate asterisk)"
    [ -n "$version" ] && dpkg --compare-versions "$version" ge "1:$OLDEST_ASTERISK"
}

candidate() {
    apt-cache policy "$1" 2>/dev/null | sed -n 's/^  Candidate: //p' | grep -v '(none)' || true
}

# Where systemd doesn't run, packages would start their services by init script; for this once they don't.
hold_starts() {
    [ $systemd_runs = no ] && [ ! -e /usr/sbin/policy-rc.d ] || return 0
    held_starts=yes
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod 0755 /usr/sbin/policy-rc.d
}

release_starts() {
    [ $held_starts = no ] || rm -f /usr/sbin/policy-rc.d
    held_starts=no
}

make_user() {
    step="making the user $OWNER"
    if ! id "$OWNER" >/dev/null 2>&1; then
        run useradd --system --user-group --home-dir "$STATE" --no-create-home --shell /usr/sbin/nologin \
            --comment "vpbx" "$OWNER"
    fi
    [ "$(id -u "$OWNER")" -lt 1000 ] || fail "the user $OWNER is a person's" "rename that user, then run again"
    install -d -o "$OWNER" -g "$OWNER" -m 0750 "$STATE" "$CACHE"
}

# Each release lies in its own directory, so that what runs keeps its files, and going back is one link.
install_release() {
    step="installing vpbx"
    source_tree="$(mktemp -d)"
    tar -C "$CHECKOUT" --exclude='./.*' --exclude=./tests --exclude=./bench --exclude=./stubs \
        --exclude=./deploy --exclude=./examples --exclude=./build --exclude=__pycache__ \
        --exclude='*.egg-info' --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX \
        -cf "$source_tree/source.tar" .
    local version digest release
    version="$(sed -n 's/^version = "\(.*\)"/\1/p' "$CHECKOUT/pyproject.toml" | head -n 1)"
    digest="$({ echo "$python"; cat "$source_tree/source.tar"; } | sha256sum | cut -c -12)"
    release="$OPT/$version-$digest"
    release_changed=no
    if [ ! -e "$release/.whole" ]; then
        say "installing vpbx $version with Python $python"
        rm -rf "$release"
        install -d -m 0755 "$OPT"
        install -d "$source_tree/source"
        tar -C "$source_tree/source" -xf "$source_tree/source.tar"
        install_into "$release" "$source_tree/source"
        touch "$release/.whole"
    fi
    if [ "$(readlink "$OPT/current")" != "${release##*/}" ]; then
        release_changed=yes
        drop_old_releases "${release##*/}" "$(readlink "$OPT/current" || true)"
        ln -s "${release##*/}" "$OPT/.current.new"
        mv -T "$OPT/.current.new" "$OPT/current"
    fi
}

# Nothing comes from the index that the lock has no hash of, not even what builds the packages.
install_into() {
    local release=$1 source=$2 pip
    run "/usr/bin/python$python" -m venv "$release"
    pip=(timeout $PIP_DEADLINE_S "$release/bin/pip" --quiet --no-input --disable-pip-version-check install)
    awk '/^[^ #]/ { mine = /^setuptools==/ } mine' "$source/requirements/runtime.lock" >"$source/build.lock"
    run "${pip[@]}" --require-hashes --no-deps --only-binary :all: --requirement "$source/build.lock"
    run "${pip[@]}" --require-hashes --no-build-isolation --requirement "$source/requirements/runtime.lock"
    run "${pip[@]}" --no-index --no-deps --no-build-isolation "$source"
    install -d "$release/share/doc/vpbx"
    cp "$source"/docs/*.md "$release/share/doc/vpbx/"
    run "$release/bin/vpbx" --version
}

drop_old_releases() {
    local kept path
    rm -f "$OPT/.current.new"
    for path in "$OPT"/*-*/; do
        path="${path%/}"
        for kept in "$@"; do [ "${path##*/}" != "$kept" ] || continue 2; done
        [ ! -d "$path" ] || rm -rf "$path"
    done
}

# Debian's own where the suite has it; elsewhere one that is unpacked beside the system, which stays as it is.
install_asterisk() {
    step="finding an Asterisk"
    usable_asterisk || [ -d "$CACHE/asterisk/tree" ] \
        || say "this Debian has no Asterisk $OLDEST_ASTERISK: unpacking one into $CACHE"
    run as_owner "$OPT/current/bin/vpbx" switch install
}

as_owner() {
    (cd / && timeout $APT_DEADLINE_S setpriv --reuid="$OWNER" --regid="$OWNER" --init-groups \
        env HOME="$STATE" VPBX_CACHE="$CACHE" VPBX_PROJECT="$PROJECT" "$@")
}

seed_project() {
    step="beginning the project in $PROJECT"
    if [ -e "$PROJECT/platform.yaml" ]; then
        [ -z "$sip$rtp$ami$metrics$trunk" ] \
            || say "$PROJECT is there already and stays as it is: --sip, --rtp, --ami, --metrics, --trunk are ignored"
    else
        say "beginning $PROJECT from the $seed"
        [ -z "$(ls -A "$PROJECT" 2>/dev/null)" ] \
            || fail "$PROJECT has files but no platform.yaml" "put platform.yaml back, or move $PROJECT away"
        local made="$PROJECT.new"
        rm -rf "$made"
        if [ "$seed" = example ]; then
            install -d "$made"
            (cd "$CHECKOUT/examples" && cp -R platform.yaml tariffs tenants decks schemas "$made/")
        else
            run "$OPT/current/bin/vpbx" init "$made"
        fi
        set_addresses "$made/platform.yaml"
        echo .vpbx >"$made/.gitignore"
        ln -s "$STATE" "$made/.vpbx"
        chown -hR "root:$OWNER" "$made"
        find "$made" -type d -exec chmod 0750 {} + -o -type f -exec chmod 0640 {} +
        [ ! -d "$PROJECT" ] || rmdir "$PROJECT"
        mv -T "$made" "$PROJECT"
    fi
    [ -e "$PROJECT/.vpbx" ] || ln -s "$STATE" "$PROJECT/.vpbx"
    [ "$(realpath "$PROJECT/.vpbx")" = "$(realpath "$STATE")" ] \
        || fail "$PROJECT/.vpbx doesn't lead to $STATE" "move what it holds to $STATE, and make it a link"
}

set_addresses() {
    local file=$1 name
    for name in sip rtp ami metrics; do
        [ -z "${!name}" ] || change "$file" "^(    $name:) +[^ ]+" "\\1 ${!name}"
    done
    if [ -n "$trunk" ]; then
        change "$file" '^(    address:) +[^ ]+' "\\1 $trunk"
        change "$file" '^(    match:) +\[.*\]' "\\1 [${trunk%:*}]"
    fi
}

# Put something else in the first line of a file that has it.
change() {
    grep -qE "$2" "$1" || fail "$1 has no line like $2" "this is a fault of provision.sh"
    sed -Ei "0,/$2/s//${3//\//\\/}/" "$1"
}

install_settings() {
    step="installing the command, settings and rotation"
    install -m 0755 "$CHECKOUT/deploy/vpbx" "$COMMAND"
    [ -e "$SETTINGS" ] || install -o root -g "$OWNER" -m 0640 "$CHECKOUT/deploy/default" "$SETTINGS"
    install -m 0644 "$CHECKOUT/deploy/logrotate/vpbx" /etc/logrotate.d/vpbx
}

install_units() {
    step="installing the services"
    local unit
    units_changed=no
    for unit in "${UNITS[@]}"; do
        if ! cmp -s "$CHECKOUT/deploy/systemd/$unit" "/etc/systemd/system/$unit"; then
            install -m 0644 "$CHECKOUT/deploy/systemd/$unit" "/etc/systemd/system/$unit"
            units_changed=yes
        fi
    done
    run systemd-analyze verify "${UNITS[@]/#//etc/systemd/system/}"
    run systemctl enable "${UNITS[@]}"
    if [ $systemd_runs = yes ] && [ $units_changed = yes ]; then run systemctl daemon-reload; fi
}

apply_definitions() {
    step="applying $PROJECT"
    (cd / && timeout $VERB_DEADLINE_S "$COMMAND" validate) \
        || fail "$PROJECT has problems" "mend them, then run again"
    run timeout $VERB_DEADLINE_S "$COMMAND" apply
}

start_services() {
    step="starting the services"
    if [ $start = no ]; then
        say "installed; start it with: systemctl start ${UNITS[*]}"
        return
    fi
    if systemctl --quiet is-active vpbx-switch.service; then
        [ $units_changed = no ] || say "the switch runs on as it was started; when its calls allow: systemctl restart vpbx-switch"
    else
        run systemctl start vpbx-switch.service
        run timeout $VERB_DEADLINE_S "$COMMAND" apply
    fi
    if [ $release_changed = yes ] || [ $units_changed = yes ]; then
        run systemctl restart vpbx-listen.service
    else
        run systemctl start vpbx-listen.service
    fi
    local unit
    for unit in "${UNITS[@]}"; do
        systemctl --quiet is-active "$unit" || fail "$unit doesn't run" "journalctl -u $unit"
    done
    say "vpbx runs: $COMMAND devices TENANT shows what phones register with"
}

say() { echo "provision: $1" >&2; }

fail() {
    told=yes
    echo "provision: error: $1" >&2
    [ -z "${2:-}" ] || echo "hint: $2" >&2
    exit 1
}

# Run a command quietly; when it fails, the end of what it said is the error.
run() {
    local said status=0
    said="$(mktemp)"
    "$@" >"$said" 2>&1 </dev/null || status=$?
    cat "$said" >>"$LOG"
    local end
    end="$(grep -v '^[[:space:]]*$' "$said" | grep -v '^hint: ' | tail -n 1 || true)"
    rm -f "$said"
    [ $status -ne 124 ] || end="it did not end in time"
    [ $status -eq 0 ] || fail "$step: ${end:-exit code $status}" "the whole of it is in $LOG"
}

finish() {
    release_starts
    [ -z "$source_tree" ] || rm -rf "$source_tree"
    if [ "$1" -ne 0 ] && [ $told = no ]; then
        echo "provision: error: $step: a command failed with $1" >&2
        echo "hint: bash -x deploy/provision.sh shows which" >&2
    fi
}

main "$@"
