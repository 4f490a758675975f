#!/usr/bin/env bash
# Measures what the derives cost to compile: user CPU of `cargo check` on forty models of eleven
# fields with two indexes each, beside the same forty structs with serde's derives alone. The two
# take turns, so that whatever else the machine does meets both. Fails above MOST_TIMES.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/need.sh

readonly MODELS=40
readonly ROUNDS=${1:-5}
readonly MOST_TIMES=2.5

top=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Nothing is to be remembered from one round to the next.
export CARGO_TARGET_DIR=$top/target/compile-cost CARGO_INCREMENTAL=0

# A package of the given name with one dependency, and its forty models.
package() {
    local name=$1 dependency=$2 derive=$3 outer=$4 key=$5 unique=$6 default=$7
    mkdir -p "$scratch/$name/src"
    cp Cargo.lock "$scratch/$name/Cargo.lock"
    cat >"$scratch/$name/Cargo.toml" <<TOML
[package]
name = "$name"
version = "0.0.0"
edition = "2024"

[dependencies]
$dependency

[workspace]
TOML
    for at in $(seq "$MODELS"); do
        cat <<RUST
#[derive($derive)]
$outer
pub struct User$at {
    $key
    pub id: u64,
    $unique
    pub email: String,
    pub name: String,
    pub city: String,
    pub age: u32,
    pub active: bool,
    pub balance: i64,
    pub score: f64,
    pub nick: Option<String>,
    pub tags: Vec<String>,
    $default
    pub logins: u64,
}
RUST
    done >"$scratch/$name/src/lib.rs"
}

package with_serde 'serde = { version = "1", features = ["derive"] }' \
    'serde::Serialize, serde::Deserialize' '' '' '' '#[serde(default)]'
package with_sop "sop-orm = { path = \"$top/sop-orm\" }" \
    'sop_orm::SopStore' '#[sop(index(by_city(city, age desc)))]' \
    '#[sop(key(auto = increment))]' '#[sop(unique(by_email))]' '#[sop(default)]'

# Seconds of user CPU to check a package whose dependencies are built.
check() {
    touch "$scratch/$1/src/lib.rs"
    local TIMEFORMAT=%U
    { time cargo check --quiet --offline --manifest-path "$scratch/$1/Cargo.toml"; } 2>&1
}

for name in with_serde with_sop; do
    cargo check --quiet --manifest-path "$scratch/$name/Cargo.toml"
done
for round in $(seq "$ROUNDS"); do
    echo "$(check with_serde) $(check with_sop)"
done | awk -v most="$MOST_TIMES" '
    { print "serde " $1 " s, sop " $2 " s, " $2 / $1 " times"; times[NR] = $2 / $1 }
    END {
        for (i = 1; i <= NR; i++)
            for (j = i + 1; j <= NR; j++)
                if (times[j] < times[i]) { swap = times[i]; times[i] = times[j]; times[j] = swap }
        median = times[int((NR + 1) / 2)]
        printf "median: %.2f times, of at most %s\n", median, most
        exit median > most
    }'
