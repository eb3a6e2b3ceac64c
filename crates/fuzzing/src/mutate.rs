//! Inputs that are nearly valid: real files with random damage, by seed and index.
//!
//! Damage knows nothing of a format, but of what formats have in common: lengths and counts (set to extremes, in one to eight bytes of
//! either order, and in decimal digits), nesting, repetition, and words of the target's own.

use ranktune_core::random::Random;

/// Numbers at which readers fail: limits of types, and what is next to them.
const EXTREMES: [u64; 18] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x7fff,
    0x8000,
    0xffff,
    0x0010_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    1 << 32,
    1 << 40,
    i64::MAX as u64,
    1 << 63,
    u64::MAX,
];

/// The same as text, with what else a number can be.
const NUMBERS: [&str; 16] = [
    "0",
    "-1",
    "1",
    "255",
    "65536",
    "2147483648",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551616",
    "1e400",
    "-1e-400",
    "NaN",
    "0.5",
    "1000000000",
];

/// The largest input, unless a seed is larger.
const LARGEST: usize = 1 << 18;

/// A source of damaged files.
#[derive(Clone, Debug)]
pub struct Mutator {
    seeds: Vec<Vec<u8>>,
    words: Vec<&'static [u8]>,
    seed: u64,
}

impl Mutator {
    /// Damages these files, with words that mean something in their format.
    ///
    /// # Panics
    /// Without any file.
    pub fn new(seeds: Vec<Vec<u8>>, words: &[&'static str], seed: u64) -> Self {
        assert!(!seeds.is_empty(), "a target needs a seed");
        Self {
            seeds,
            words: words.iter().map(|word| word.as_bytes()).collect(),
            seed,
        }
    }

    /// The input of this index: first the files as they are, then damaged ones.
    pub fn input(&self, index: u64) -> Vec<u8> {
        let whole = usize::try_from(index).ok().and_then(|index| self.seeds.get(index));
        if let Some(whole) = whole {
            return whole.clone();
        }
        let mut random = Random::of_stream(self.seed, index);
        let mut bytes = self.seeds[random.below(self.seeds.len())].clone();
        let largest = LARGEST.max(bytes.len());
        // One change in half of the inputs, so that what it breaks is not hidden by another.
        let mut changes = 1;
        while changes < 16 && random.below(2) == 0 {
            changes += 1;
        }
        for _ in 0..changes {
            self.change(&mut random, &mut bytes);
            bytes.truncate(largest);
        }
        bytes
    }

    fn change(&self, random: &mut Random, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            bytes.push(byte(random));
            return;
        }
        // Headers are short and come first, directories last: every other change is near an end.
        let at = match random.below(4) {
            0 => random.below(bytes.len().min(64)),
            1 => bytes.len() - 1 - random.below(bytes.len().min(64)),
            _ => random.below(bytes.len()),
        };
        match random.below(16) {
            0..=2 => bytes[at] ^= 1 << random.below(8),
            3 => bytes[at] = byte(random),
            4 | 5 => put_number(random, bytes, at),
            6 => add_number(random, bytes, at),
            7 | 8 => put_digits(random, bytes, at),
            9 => bytes.truncate(at),
            10 => {
                let end = at + length(random, bytes.len() - at);
                bytes.drain(at..end);
            }
            11 => {
                let piece = bytes[at..at + length(random, bytes.len() - at)].to_vec();
                let times = 1 + random.below(4) * random.below(64);
                insert(bytes, at, &piece.repeat(times.min(LARGEST / piece.len().max(1)).max(1)));
            }
            12 => {
                let other = &self.seeds[random.below(self.seeds.len())];
                if other.is_empty() {
                    return;
                }
                let from = random.below(other.len());
                let piece = &other[from..from + length(random, other.len() - from)];
                if random.below(2) == 0 {
                    insert(bytes, at, piece);
                } else {
                    let n = piece.len().min(bytes.len() - at);
                    bytes[at..at + n].copy_from_slice(&piece[..n]);
                }
            }
            13 => {
                let end = at + length(random, bytes.len() - at);
                let value = byte(random);
                bytes[at..end].fill(value);
            }
            14 if !self.words.is_empty() => {
                let word = self.words[random.below(self.words.len())];
                if random.below(2) == 0 {
                    insert(bytes, at, word);
                } else {
                    let end = (at + word.len()).min(bytes.len());
                    bytes.splice(at..end, word.iter().copied());
                }
            }
            _ => {
                // Nesting.
                let opening = [b"[".as_slice(), b"{\"a\":", b"(", b"\"", b"\n"][random.below(5)];
                insert(bytes, at, &opening.repeat(1 + random.below(300)));
            }
        }
    }
}

/// A byte, more often one that means something.
fn byte(random: &mut Random) -> u8 {
    const COMMON: [u8; 12] = [0, 1, 0x0a, 0x20, 0x22, 0x2c, 0x2f, 0x5c, 0x7f, 0x80, 0xfe, 0xff];
    match random.below(2) {
        0 => COMMON[random.below(COMMON.len())],
        _ => random.next().to_le_bytes()[0],
    }
}

/// A length of at most `most`, more often a short one.
fn length(random: &mut Random, most: usize) -> usize {
    let short = 1 + random.below(16);
    let any = random.below(most + 1);
    if random.below(2) == 0 { short.min(most) } else { any }
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    bytes.splice(at..at, piece.iter().copied());
}

/// An extreme number in one, two, four or eight bytes, or as protobuf's and Thrift's varint.
fn put_number(random: &mut Random, bytes: &mut Vec<u8>, at: usize) {
    let number = EXTREMES[random.below(EXTREMES.len())];
    if random.below(5) == 0 {
        let mut rest = number;
        let mut varint = Vec::new();
        while rest >= 0x80 {
            varint.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        varint.push(rest.to_le_bytes()[0]);
        let end = (at + 1).min(bytes.len());
        bytes.splice(at..end, varint);
        return;
    }
    let size = (1 << random.below(4)).min(bytes.len() - at);
    write_number(random, &mut bytes[at..at + size], number);
}

/// A small change of a number in one, two, four or eight bytes.
fn add_number(random: &mut Random, bytes: &mut [u8], at: usize) {
    let size = (1_usize << random.below(4)).min(bytes.len() - at);
    let mut wide = [0; 8];
    wide[..size].copy_from_slice(&bytes[at..at + size]);
    let by = 1 + random.below(16) as u64;
    let number = u64::from_le_bytes(wide);
    let changed = if random.below(2) == 0 {
        number.wrapping_add(by)
    } else {
        number.wrapping_sub(by)
    };
    bytes[at..at + size].copy_from_slice(&changed.to_le_bytes()[..size]);
}

fn write_number(random: &mut Random, place: &mut [u8], number: u64) {
    let size = place.len();
    if random.below(2) == 0 {
        place.copy_from_slice(&number.to_le_bytes()[..size]);
    } else {
        place.copy_from_slice(&number.to_be_bytes()[8 - size..]);
    }
}

/// Another number in the place of the next digits.
fn put_digits(random: &mut Random, bytes: &mut Vec<u8>, at: usize) {
    let Some(start) = (at..bytes.len()).find(|&at| bytes[at].is_ascii_digit()) else {
        return;
    };
    let end = (start..bytes.len())
        .find(|&at| !bytes[at].is_ascii_digit())
        .unwrap_or(bytes.len());
    let number = NUMBERS[random.below(NUMBERS.len())];
    bytes.splice(start..end, number.bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_follows_from_seed_and_index() {
        let mutator = |seed| Mutator::new(vec![b"seed 12".to_vec()], &["word"], seed);
        assert_eq!(mutator(1).input(0), b"seed 12");
        let of = |seed| (1..200).map(|index| mutator(seed).input(index)).collect::<Vec<_>>();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        let distinct: std::collections::BTreeSet<_> = of(1).into_iter().collect();
        assert!(distinct.len() > 150, "{}", distinct.len());
    }

    #[test]
    fn inputs_stay_small_and_no_seed_makes_the_mutator_fail() {
        let seeds = vec![Vec::new(), vec![0], vec![7; 100_000]];
        let mutator = Mutator::new(seeds, &[], 3);
        for index in 0..5000 {
            assert!(mutator.input(index).len() <= LARGEST);
        }
    }
}
