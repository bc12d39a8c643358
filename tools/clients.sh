#!/usr/bin/env bash
# Builds the clients of tests/clients, each from its manifest and lock file, into build/clients. What is built stays
# until its sources or its toolchain change, and what is downloaded is kept there too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

sources=$PWD/tests/clients
built=$PWD/build/clients

# build LANGUAGE COMMAND...: the command says which toolchain it is; build_LANGUAGE builds, in a fresh folder.
build() {
    local language=$1 folder=$built/$1 stamp
    stamp=$("${@:2}" 2>&1 && cat tools/clients.sh "$sources/$language"/*)
    if [[ -f $folder/stamp ]] && cmp -s "$folder/stamp" <<<"$stamp"; then return; fi
    printf '\033[1m== building the %s client in build/clients\033[0m\n' "$language" >&2
    rm -rf "$folder"
    mkdir -p "$folder" "$built/downloads"
    "build_$language" "$folder"
    printf '%s\n' "$stamp" >"$folder/stamp"
}

build_go() {
    cp "$sources"/go/* "$1"
    (cd "$1" && GOPATH=$built/downloads/go GOCACHE=$built/downloads/go-build GOTOOLCHAIN=local GOFLAGS=-modcacherw \
        go build -o client .)
}

build_node() {
    cp "$sources"/node/* "$1"
    npm ci --prefix "$1" --cache "$built/downloads/npm" --ignore-scripts --no-audit --no-fund --loglevel=error >&2
}

build_java() {
    mvn -q -B -f "$sources/java/pom.xml" -Dmaven.repo.local="$built/downloads/maven" --strict-checksums \
        dependency:copy-dependencies -DoutputDirectory="$1/lib" >&2
    javac -Xlint:all -Werror -cp "$1/lib/*" -d "$1/classes" "$sources"/java/Client.java
}

build go go version
build node node --version
build java javac -version
