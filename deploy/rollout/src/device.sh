#!/bin/sh
# The device's side of `fleet`: DIR/releases/NAME/device-agent, and the links DIR/current and DIR/previous to two of them.
# `fleet` pipes it into `sh -s`; it also lies in DIR/fleet.sh, for the guard and for the unit's ExecStartPre.
# Facts go to standard output as lines KEY=VALUE. Exit code 20: refused, for the reason on standard error.
set -eu
umask 022
PATH=$PATH:/usr/sbin:/sbin
LC_ALL=C
export PATH LC_ALL

fact() { printf '%s=%s\n' "$1" "$2"; }
refuse() {
    printf '%s\n' "$*" >&2
    exit 20
}

# An absolute path of plain characters.
check_path() {
    case $1 in
    *[!A-Za-z0-9._/+@-]* | */../* | */..) refuse "not a path that is allowed here: $1" ;;
    /?*) ;;
    *) refuse "not an absolute path: $1" ;;
    esac
}
# One word: the name of a release, or the mark of an update.
check_word() {
    case $1 in
    '' | [.-]* | *[!A-Za-z0-9._-]*) refuse "not a name that is allowed here: $1" ;;
    esac
}
check_number() {
    case $1 in
    '' | *[!0-9]*) refuse "not a number: $1" ;;
    esac
}

# The release that a link leads to; nothing, if there is none.
release_of() {
    target=$(readlink "$dir/$1" 2>/dev/null) || return 0
    printf '%s' "${target#releases/}"
}
# Points a link to a release, in one step.
point() {
    rm -f "$dir/.$1.new"
    ln -s "releases/$2" "$dir/.$1.new"
    mv -T "$dir/.$1.new" "$dir/$1"
    durable "$dir"
}
# What lies there outlives a power cut.
durable() { sync "$@" 2>/dev/null || sync; }
# One change at a time. Whatever is started meanwhile must not inherit the lock.
lock() {
    mkdir -p "$dir/releases"
    exec 9>"$dir/lock"
    flock -w 30 9 || refuse "$dir/lock: another update is at work"
}
unlock() { exec 9>&-; }

# The update that is not committed.
pending() {
    p_mark='' p_name='' p_previous='' p_boot='' p_until='' p_before=''
    [ ! -e "$dir/pending" ] || read -r p_mark p_name p_previous p_boot p_until p_before <"$dir/pending"
}
boot() { cat /proc/sys/kernel/random/boot_id; }
uptime_s() { cut -d. -f1 /proc/uptime; }
# How the last update ended: WORD RELEASE BY.
remember() {
    printf '%s\n' "$*" >"$dir/.outcome.new"
    mv -T "$dir/.outcome.new" "$dir/outcome"
}
# Back to the release before; the update is over only when that is durable.
restore() {
    if [ "$p_previous" = - ]; then
        rm -f "$dir/current"
    else
        point current "$p_previous"
    fi
    case $p_before in '' | -) rm -f "$dir/previous" ;; *) point previous "$p_before" ;; esac
    remember rolled-back "$p_name" "$1"
    rm -f "$dir/pending"
    durable "$dir"
}
restart() { sh -c "$1" </dev/null >/dev/null 2>"$dir/restart.log"; }

# The program that is in place: the current release, or what the service starts otherwise.
installed() {
    if [ -x "$dir/current/device-agent" ]; then
        printf '%s' "$dir/current/device-agent"
    elif [ -x "$program" ]; then
        printf '%s' "$program"
    fi
}

# status PROGRAM CONFIG: how things are; after a line `agent` the agent's own words.
cmd_status() {
    program=$1 config=$2
    check_path "$program"
    check_path "$config"
    there=$dir
    while [ ! -d "$there" ]; do there=$(dirname "$there"); done
    fact free_kb "$(df -Pk "$there" | awk 'NR == 2 { print $4 }')"
    fact machine "$(uname -m)"
    fact current "$(release_of current)"
    fact previous "$(release_of previous)"
    pending
    fact pending "$p_name"
    fact mark "$p_mark"
    fact outcome "$(cat "$dir/outcome" 2>/dev/null || true)"
    if [ -L "$dir/current" ]; then fact age_s $(($(date +%s) - $(stat -c %Y "$dir/current"))); fi
    agent=$(installed)
    fact installed "$agent"
    [ -n "$agent" ] || return 0
    if words=$("$agent" status --json --config "$config" 2>&1); then
        printf 'agent\n%s\n' "$words"
    else
        fact silent "$(printf '%s' "$words" | tail -n 1)"
    fi
}

# stage NAME MARK: a place for the copy, which the user who copies may write. PART; nothing, if the release is there.
cmd_stage() {
    name=$1 part=$dir/releases/$1.$2.part
    check_word "$1"
    check_word "$2"
    mkdir -p "$dir/releases"
    # What earlier copies left behind, a day ago at least.
    find "$dir/releases" -maxdepth 1 -name '*.part*' -mtime +0 -exec rm -rf {} + 2>/dev/null || true
    for file in "$part" "$part.minisig"; do
        : >"$file"
        [ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID" "$file"
    done
    fact part "$part"
}

# receive NAME MARK SHA256 signed|unsigned KEY PROGRAM CONFIG CREDENTIALS: the copy becomes a release.
cmd_receive() {
    name=$1 mark=$2 sha=$3 signed=$4 key=$5 program=$6 config=$7 credentials=$8
    check_word "$name"
    check_word "$mark"
    for path in "$key" "$program" "$config" "$credentials"; do check_path "$path"; done
    part=$dir/releases/$name.$mark.part
    trap 'rm -rf "$part" "$part.minisig" "$part.d"' EXIT
    [ -z "${SUDO_UID:-}" ] || chown 0:0 "$part" "$part.minisig"
    got=$(sha256sum "$part" | cut -d' ' -f1)
    [ "$got" = "$sha" ] || refuse "the copy is damaged: its SHA-256 is $got, not $sha"
    verify
    mkdir "$part.d"
    chmod 755 "$part"
    mv "$part" "$part.d/device-agent"
    if [ -e "$config" ]; then
        [ ! -d "$credentials" ] || export CREDENTIALS_DIRECTORY="$credentials"
        words=$("$part.d/device-agent" check-config "$config" 2>&1 >/dev/null) ||
            refuse "check-config by the new release: $(printf '%s' "$words" | tail -n 3)"
    else
        refuse "$config: no such file; the new release cannot be tried with it"
    fi
    durable "$part.d/device-agent" "$part.d"
    lock
    # The same bytes came before: the name says so.
    if [ ! -e "$dir/releases/$name" ]; then mv -T "$part.d" "$dir/releases/$name"; fi
    durable "$dir/releases"
    unlock
}

# The signature, by the program that is in place already; the new one cannot vouch for itself.
verify() {
    if [ "$signed" = unsigned ]; then
        [ ! -e "$key" ] || refuse "$key is there: this device takes signed releases only"
        return 0
    fi
    [ -e "$key" ] || refuse "$key: no such file, so there is no signature that this device trusts"
    agent=$(installed)
    if [ -n "$agent" ] && "$agent" verify --help >/dev/null 2>&1; then
        words=$("$agent" verify --public-key "$key" "$part" 2>&1) || refuse "signature: $words"
    elif command -v minisign >/dev/null; then
        words=$(minisign -V -q -p "$key" -m "$part" -x "$part.minisig" 2>&1) || refuse "signature: $words"
    else
        refuse "nothing here can check a signature: neither the installed agent nor minisign (apt-get install minisign)"
    fi
}

# A device that was set up by hand: its program becomes the first release, and a link to the current one takes its place.
adopt() {
    if [ ! -L "$dir/current" ] && [ -f "$program" ] && [ ! -L "$program" ]; then
        first=$(sha256sum "$program" | cut -c1-16)
        mkdir -p "$dir/releases/$first"
        cp -p "$program" "$dir/releases/$first/device-agent"
        durable "$dir/releases/$first/device-agent" "$dir/releases/$first"
        point current "$first"
    fi
    case $(readlink -f "$program" || true) in "$(readlink -f "$dir")"/*) return 0 ;; esac
    if [ -L "$dir/current" ] && [ -f "$program" ]; then
        rm -f "$program.new"
        ln -s "$dir/current/device-agent" "$program.new"
        mv -T "$program.new" "$program"
    fi
}

# The guard: goes back by itself unless the update is committed in time.
arm() {
    if [ -d /run/systemd/system ] && [ "$(id -u)" = 0 ] && command -v systemd-run >/dev/null; then
        systemd-run --quiet --collect --on-active="${seconds}s" --timer-property=AccuracySec=1s \
            --unit="device-agent-guard-$mark" /bin/sh "$dir/fleet.sh" fire "$dir" "$mark" "$restart" 9>&- || return 1
        fact guard systemd
    else
        setsid sh "$dir/fleet.sh" guard "$dir" "$mark" "$seconds" "$restart" </dev/null >/dev/null 2>&1 9>&- &
        fact guard setsid
    fi
}

# switch NAME MARK SECONDS PROGRAM RESTART: guard, link, restart.
cmd_switch() {
    name=$1 mark=$2 seconds=$3 program=$4 restart=$5
    check_word "$name"
    check_word "$mark"
    check_number "$seconds"
    check_path "$program"
    [ -x "$dir/releases/$name/device-agent" ] || refuse "release $name is not here"
    lock
    pending
    [ -z "$p_mark" ] || refuse "release $p_name is not committed yet; its guard goes back within its time"
    adopt
    old=$(release_of current)
    [ "$old" != "$name" ] || refuse "release $name is the current one already"
    before=$(release_of previous)
    printf '%s %s %s %s %s %s\n' "$mark" "$name" "${old:--}" "$(boot)" $(($(uptime_s) + seconds)) "${before:--}" >"$dir/.pending.new"
    durable "$dir/.pending.new"
    mv -T "$dir/.pending.new" "$dir/pending"
    durable "$dir"
    arm || {
        rm -f "$dir/pending"
        refuse "the guard cannot be armed"
    }
    [ -z "$old" ] || point previous "$old"
    point current "$name"
    rm -f "$dir/outcome"
    fact previous "$old"
    unlock
    restart "$restart" || refuse "restart: $(tail -n 1 "$dir/restart.log")"
}

# guard MARK SECONDS RESTART, and fire MARK RESTART
cmd_guard() {
    sleep "$2"
    cmd_fire "$1" "$3"
}
cmd_fire() {
    lock
    pending
    [ "$p_mark" = "$1" ] || exit 0
    restore guard
    unlock
    restart "$2"
}
# start-check: before each start of the service. The guard does not outlive a reboot; this is in its place then.
cmd_start_check() {
    lock
    pending
    [ -n "$p_mark" ] || exit 0
    if [ "$p_boot" != "$(boot)" ] || [ "$(uptime_s)" -gt "$p_until" ]; then restore start; fi
}

# commit MARK: explicit, and once.
cmd_commit() {
    check_word "$1"
    lock
    pending
    [ "$p_mark" = "$1" ] || refuse "this update is over already: $(cat "$dir/outcome" 2>/dev/null || echo 'nothing is known of it')"
    remember committed "$p_name" fleet
    rm -f "$dir/pending"
    durable "$dir"
    if [ -d /run/systemd/system ]; then systemctl stop "device-agent-guard-$1.timer" 2>/dev/null || true; fi
    prune
}

# The current release, the one before, and the newest others: three in all.
prune() {
    current=$(release_of current) previous=$(release_of previous) left=3
    for keep in "$current" "$previous"; do [ -z "$keep" ] || left=$((left - 1)); done
    # shellcheck disable=SC2012 # names of releases have no blanks
    ls -1t "$dir/releases" | while read -r name; do
        case $name in "$current" | "$previous" | *.part*) continue ;; esac
        left=$((left - 1))
        [ "$left" -ge 0 ] || rm -rf "${dir:?}/releases/$name"
    done
}

# rollback MARK RESTART: of an update that is not committed. rollback - RESTART: of whatever is current.
cmd_rollback() {
    lock
    pending
    if [ "$1" = - ] && [ -z "$p_mark" ]; then
        now=$(release_of current) before=$(release_of previous)
        [ -n "$before" ] || refuse "there is no release to go back to"
        [ -x "$dir/releases/$before/device-agent" ] || refuse "the release to go back to is not here any more: $before"
        [ "$now" != "$before" ] || refuse "release $now is the one before already"
        point current "$before"
        remember rolled-back "$now" fleet
    elif [ "$1" = - ] || [ "$p_mark" = "$1" ]; then
        restore fleet
    else
        refuse "this update is over already: $(cat "$dir/outcome" 2>/dev/null || echo 'nothing is known of it')"
    fi
    fact current "$(release_of current)"
    unlock
    restart "$2" || refuse "restart: $(tail -n 1 "$dir/restart.log")"
}

# withdraw NAME: the release before again, of an update that was committed in a wave that went wrong; once.
cmd_withdraw() {
    check_word "$1"
    lock
    pending
    if [ -n "$p_mark" ] || [ "$(release_of current)" != "$1" ]; then
        fact current "$(release_of current)"
        exit 0
    fi
    unlock
    cmd_rollback - "$2"
}

command=$1 dir=$2
shift 2
check_path "$dir"
case $command in
status) cmd_status "$@" ;;
stage) cmd_stage "$@" ;;
receive) cmd_receive "$@" ;;
switch) cmd_switch "$@" ;;
guard) cmd_guard "$@" ;;
fire) cmd_fire "$@" ;;
start-check) cmd_start_check ;;
commit) cmd_commit "$@" ;;
rollback) cmd_rollback "$@" ;;
withdraw) cmd_withdraw "$@" ;;
*) refuse "unknown command: $command" ;;
esac
