//! Asks programs that we did not write, at length: every tree up to a size, and many canonical documents.

use clap::Args;
use concordat_tests::foreign::{compare_canonical, compare_trees};

#[derive(Args)]
pub(crate) struct Options {
    /// The largest tree.
    #[arg(long, default_value_t = 1025)]
    trees: u64,
    /// How many documents.
    #[arg(long, default_value_t = 100_000)]
    documents: u32,
    /// The seed of every random choice.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

pub(crate) fn run(options: &Options) {
    let Options { trees, documents, seed } = options;
    println!("campaign foreign --trees {trees} --documents {documents} --seed {seed}");
    let proofs = compare_trees(*trees);
    println!(
        "every tree of 1 to {trees} leaves and {proofs} proofs: the same as Go's and ct-merkle's, byte for byte"
    );
    compare_canonical(*documents, *seed);
    println!("{documents} documents: the same bytes as rfc8785's and canonicalize's");
}
