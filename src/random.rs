//! Randomness, from one place.
//!
//! In production it is seeded by the system; a test gives the seed, so that a
//! failing run can be had again. Nothing secret may be made with [`Random`]: that is
//! what [`secret`] is for, which no seed foretells.

use std::sync::Mutex;

/// A shared source of random numbers that are not secret.
#[derive(Debug)]
pub struct Random {
    rng: Mutex<fastrand::Rng>,
}

impl Random {
    /// Seeded by the operating system.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that makes it")]
    pub fn from_system() -> Self {
        Self { rng: Mutex::new(fastrand::Rng::new()) }
    }

    /// The same numbers for the same seed.
    pub fn from_seed(seed: u64) -> Self {
        Self { rng: Mutex::new(fastrand::Rng::with_seed(seed)) }
    }

    /// As many random bits as there are.
    pub fn bits(&self) -> u128 {
        self.rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner).u128(..)
    }

    /// A number between 0 and 1, 1 excluded.
    pub fn fraction(&self) -> f64 {
        self.rng.lock().unwrap_or_else(std::sync::PoisonError::into_inner).f64()
    }
}

/// The system has no randomness to give.
#[derive(Debug, thiserror::Error)]
#[error("the system has no randomness for secrets")]
pub struct NoRandomness;

/// Bytes that nobody can guess.
pub fn secret<const N: usize>() -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    let source = rustls::crypto::aws_lc_rs::default_provider().secure_random;
    source.fill(&mut bytes).map_err(|_| NoRandomness)?;
    Ok(bytes)
}
