#!/usr/bin/env bash
# install_test.sh root|sudo: a stranger's first minutes. In a bare Debian 12 (debootstrap, chroot), as root or as a user with
# sudo, `./dev run` has to install, build and answer; the second time it has to answer without installing or building.
# The bare system and its packages are kept in build/install for the next time; sudo reuses what root has built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

user=${1:?root or sudo}
kept=$PWD/build/install
root=$kept/$user.root
home=/srv/readstates
suite=bookworm
server=''

cannot() {
    printf '\n*** NOT TESTED: the install path as %s: %s ***\n\n' "$user" "$*" >&2
    if [[ ${CI:-} == true ]]; then exit 1; fi
    exit 77
}

fail() {
    printf 'install_test: %s\n' "$*" >&2
    tail -n 40 "$root"/*.log >&2 || true
    exit 1
}

end() {
    if [[ -n $server ]]; then kill "$server" 2>/dev/null || true; fi
    rm -rf "$root"
}

# The sources that this machine's apt uses for Debian itself, so that no mirror is named here.
sources() {
    apt-get indextargets --format '$(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        awk -v suite="$suite" '$2 ~ "^" suite && $3 == "main" && !seen[$0]++ {
            print "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] " $1, $2, $3 }'
}

bare_system() {
    local mirror
    mirror=$(sources | awk -v suite="$suite" '$4 == suite { print $3; exit }')
    if [[ -z $mirror ]]; then cannot "apt has no source for $suite"; fi
    rm -rf "$kept/bare.root"
    debootstrap --variant=minbase "$suite" "$kept/bare.root" "$mirror" >"$kept/debootstrap.log" 2>&1 || {
        tail -n 20 "$kept/debootstrap.log" >&2
        cannot "debootstrap fails"
    }
    tar -C "$kept/bare.root" --one-file-system -cf "$kept/bare.tar.part" .
    mv "$kept/bare.tar.part" "$kept/bare.tar"
    rm -rf "$kept/bare.root"
}

# How the network is reached is this machine's affair: the bare system gets it from here.
use_our_network() {
    rm -f "$root/etc/apt/sources.list"
    sources >"$root/etc/apt/sources.list"
    grep -lE 'Acquire::' /etc/apt/apt.conf.d/* | xargs -r cp -t "$root/etc/apt/apt.conf.d" || true
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    if [[ -f /etc/ssl/certs/ca-certificates.crt ]]; then
        mkdir -p "$root/etc/ssl/certs"
        cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    fi
    # The packages stay for the next time, and are not synced to disk one by one: this root is thrown away.
    rm -f "$root/etc/apt/apt.conf.d/docker-clean"
    echo 'Binary::apt-get::APT::Keep-Downloaded-Packages "true";' >"$root/etc/apt/apt.conf.d/99keep"
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
    if [[ -d $kept/packages ]]; then cp -a "$kept/packages/." "$root/var/cache/apt/archives/"; fi
}

# What git would clone, with what is not committed yet.
put_project() {
    mkdir -p "$root$home"
    git -c safe.directory='*' ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' path; do
        if [[ -e $path ]]; then printf '%s\0' "$path"; fi
    done | tar --null -T - -cf - | tar -C "$root$home" -xf -
}

# inside USER COMMAND...: in the bare system, with a /proc that goes when the command ends.
inside() {
    local who=$1
    shift
    exec unshare --mount bash -c 'mount -t proc proc "$0/proc" && exec chroot --userspec="$1" "$0" "${@:2}"' "$root" "$who" \
        /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME="$home" LANG=C.UTF-8 \
        ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} "$@"
}

free_port() {
    local port
    for _ in {1..100}; do
        port=$((20000 + RANDOM % 12000))
        if ! (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then echo "$port"; return; fi
    done
    fail "no free port"
}

# ask PORT COMMAND: the first line of the answer.
ask() {
    local answer
    exec 3<>"/dev/tcp/127.0.0.1/$1"
    printf '%s\r\n' "$2" >&3
    read -r -t 5 answer <&3
    printf '%s\n' "$answer"
}

# serve USER LOG: ./dev run until it answers PING, then a SIGTERM that has to end it with 0.
serve() {
    local who=$1 log=$root/$2.log port begin=$SECONDS answer='' code=0
    port=$(free_port)
    (inside "$who" bash "$home/dev" run --port "$port") >"$log" 2>&1 </dev/null &
    server=$!
    while [[ $answer != +PONG* ]]; do
        if ! kill -0 "$server" 2>/dev/null; then fail "./dev run ended before it answered"; fi
        if ((SECONDS - begin > 600)); then fail "no answer after 600 s"; fi
        sleep 0.5
        answer=$(ask "$port" PING 2>/dev/null) || true
    done
    echo "$user: $2: the first answer after $((SECONDS - begin)) s"
    kill -TERM "$server"
    wait "$server" || code=$?
    server=''
    if [[ $code -ne 0 ]]; then fail "after SIGTERM ./dev run ended with $code"; fi
}

if [[ $(id -u) -ne 0 ]]; then
    if sudo -n true 2>/dev/null; then exec sudo -n --preserve-env=CI,http_proxy,https_proxy "$PWD/tests/install/install_test.sh" "$user"; fi
    cannot "needs root or sudo without a password"
fi
if ! unshare --mount true 2>/dev/null; then cannot "mounting is not permitted here"; fi
if [[ -z $(type -P debootstrap) ]]; then cannot "there is no debootstrap"; fi

mkdir -p "$kept"
trap end EXIT
if [[ ! -f $kept/bare.tar ]]; then bare_system; fi
rm -rf "$root"
mkdir -p "$root"
tar -C "$root" -xf "$kept/bare.tar"
use_our_network
put_project
who=root:root
if [[ $user == sudo ]]; then
    if [[ -f $kept/built.tar ]]; then tar -C "$root$home" -xf "$kept/built.tar"; fi
    (inside root:root bash -c 'apt-get -q update && apt-get -q install -y --no-install-recommends sudo &&
        useradd --home-dir /srv/readstates --shell /bin/bash visitor && chown -R visitor: /srv/readstates &&
        echo "visitor ALL=(ALL) NOPASSWD: ALL" >/etc/sudoers.d/visitor') >"$root/sudo.log" 2>&1 || fail "no sudo in the bare system"
    who=visitor:visitor
fi

serve "$who" first
if ! grep -q '== installing' "$root/first.log"; then fail "the first run installed nothing: the system was not bare"; fi
serve "$who" second
if grep -qE '== installing|Building C object' "$root/second.log"; then fail "the second run did again what was done"; fi

if [[ $user == root ]]; then
    tar -C "$root$home" -cf "$kept/built.tar" build
    rm -rf "$kept/packages"
    mkdir "$kept/packages"
    find "$root/var/cache/apt/archives" -maxdepth 1 -name '*.deb' -exec cp -t "$kept/packages" {} +
fi
