//! The samples whose rows are wanted, by digest.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use ranktune_core::Digest;

/// The samples of a data set. The models of one extraction share it.
#[derive(Debug, Default)]
pub struct Wanted {
    digests: Vec<Digest>,
    /// The first position of every digest.
    positions: HashMap<[u8; 32], u32, BuildHasherDefault<FirstBytes>>,
    /// Positions of samples that are equal to an earlier one, with the first of them; ascending.
    repeated: Vec<(u32, u32)>,
}

impl Wanted {
    /// The samples with these digests, in order: at most 2³².
    ///
    /// # Panics
    /// Beyond that number.
    pub fn new(digests: &[Digest]) -> Self {
        let mut positions = HashMap::with_capacity_and_hasher(digests.len(), BuildHasherDefault::default());
        let mut repeated = Vec::new();
        #[expect(
            clippy::expect_used,
            reason = "a data set of 4 billion samples does not fit in memory"
        )]
        let number = |position| u32::try_from(position).expect("fewer than 2^32 samples");
        for (position, digest) in digests.iter().enumerate() {
            let position = number(position);
            let first = *positions.entry(*digest.as_bytes()).or_insert(position);
            if first != position {
                repeated.push((position, first));
            }
        }
        Self {
            digests: digests.to_vec(),
            positions,
            repeated,
        }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.digests.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.digests.is_empty()
    }

    pub(super) fn digest(&self, position: usize) -> Digest {
        self.digests[position]
    }

    /// The first position of a digest.
    pub(super) fn position(&self, digest: &[u8; 32]) -> Option<usize> {
        self.positions.get(digest).map(|&position| position as usize)
    }

    /// The first position of the sample at `position`: its own, unless it repeats an earlier one.
    pub(super) fn first(&self, position: usize) -> usize {
        if self.repeated.is_empty() {
            return position;
        }
        let found = self.repeated.binary_search_by_key(&position, |&(own, _)| own as usize);
        found.map_or(position, |at| self.repeated[at].1 as usize)
    }

    /// Positions that repeat an earlier sample, with its position.
    pub(super) fn repeated(&self) -> impl Iterator<Item = (usize, usize)> {
        self.repeated.iter().map(|&(own, first)| (own as usize, first as usize))
    }
}

/// A digest is as good as random, so that its first bytes are its hash.
#[derive(Debug, Default)]
pub struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length of the digest, which is always the same.
    fn write_usize(&mut self, _: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_samples_have_the_position_of_the_first() {
        let digest = |byte: u8| Digest::of(&[byte]);
        let wanted = Wanted::new(&[1, 2, 1, 3, 2, 1].map(digest));
        let firsts: Vec<usize> = (0..6).map(|position| wanted.first(position)).collect();
        assert_eq!(firsts, [0, 1, 0, 3, 1, 0]);
        assert_eq!(wanted.position(digest(3).as_bytes()), Some(3));
        assert_eq!(wanted.position(digest(4).as_bytes()), None);
        assert_eq!(wanted.repeated().collect::<Vec<_>>(), [(2, 0), (4, 1), (5, 0)]);
    }
}
