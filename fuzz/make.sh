#!/bin/sh
# Writes a target of libFuzzer for every target of crates/fuzzing, and their list in Cargo.toml.
set -eu
cd "$(dirname "$0")"
targets=$(cargo run --quiet --release --manifest-path ../Cargo.toml -p ranktune-fuzzing -- --list | cut -d ' ' -f 1)
sed -i.old '/^# Targets/q' Cargo.toml
rm -f Cargo.toml.old fuzz_targets/*.rs
for target in $targets; do
    printf '#![no_main]\n\nranktune_fuzz::fuzz_target!("%s");\n' "$target" >"fuzz_targets/$target.rs"
    printf '\n[[bin]]\nname = "%s"\npath = "fuzz_targets/%s.rs"\ntest = false\ndoc = false\nbench = false\n' "$target" "$target" >>Cargo.toml
done
