# What there is to do: `just`. Each recipe is a plain command that works without `just` as well.

set shell := ["bash", "-euo", "pipefail", "-c"]

# Lists the recipes.
default:
    @just --list

# Formats everything.
fmt:
    cargo fmt

# What CI refuses: formatting and lints.
lint:
    cargo fmt --check
    cargo clippy --all-targets --locked -- -D warnings

# All tests, or those whose names contain FILTER.
test FILTER="":
    cargo test --locked {{ FILTER }}

# Seeded runs with faults and crashes: COUNT of them in place of 200.
seeds COUNT="1000":
    ZENSTREAM_SEEDS={{ COUNT }} cargo test --locked --test it seeds

# One seed again, as a failed test names it: `just seed 17`.
seed SEED:
    ZENSTREAM_SEED={{ SEED }} cargo test --locked --test it seeds

# The crate's pages, ARCHITECTURE.md first.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --document-private-items

# What is made from the program: the book's reference, the README's table, the operator's alert rules.
regenerate:
    ZENSTREAM_REGENERATE=1 cargo test --locked --test it -- catalogue::the_table docs::the_reference deploy::the_operators

# The book, in a browser; needs `cargo install --locked mdbook`.
book:
    mdbook serve docs --open

# Licences, advisories, sources; needs `cargo install --locked cargo-deny`.
deny:
    cargo deny check

# How fast the hot path is.
bench *ARGS:
    cargo bench --locked {{ ARGS }}

# The program on a pretend account.
demo *ARGS:
    cargo run --locked -- demo {{ ARGS }}

# Everything that CI does, in the same order.
ci:
    .ci/run
