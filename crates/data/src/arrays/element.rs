//! Element types of arrays in files, and their bytes as numbers.

use half::{bf16, f16};

/// A number's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Bool,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    F16,
    BF16,
    F32,
    F64,
}

impl Element {
    /// Bytes of one element.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 | Self::BF16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
        }
    }

    /// Whether every value is a whole number.
    pub(super) fn is_whole(self) -> bool {
        !matches!(self, Self::F16 | Self::BF16 | Self::F32 | Self::F64)
    }

    /// The element whose little-endian bytes begin `bytes`; whole numbers beyond 2^53 are rounded.
    #[expect(
        clippy::cast_precision_loss,
        reason = "what a number of another type comes to in f64"
    )]
    pub(super) fn number(self, bytes: &[u8]) -> f64 {
        let mut word = [0_u8; 8];
        let size = self.size().min(bytes.len());
        word[..size].copy_from_slice(&bytes[..size]);
        let [a, b, c, d, ..] = word;
        match self {
            Self::Bool => f64::from(u8::from(a != 0)),
            Self::I8 => f64::from(i8::from_le_bytes([a])),
            Self::I16 => f64::from(i16::from_le_bytes([a, b])),
            Self::I32 => f64::from(i32::from_le_bytes([a, b, c, d])),
            Self::I64 => i64::from_le_bytes(word) as f64,
            Self::U8 => f64::from(a),
            Self::U16 => f64::from(u16::from_le_bytes([a, b])),
            Self::U32 => f64::from(u32::from_le_bytes([a, b, c, d])),
            Self::U64 => u64::from_le_bytes(word) as f64,
            Self::F16 => f16::from_le_bytes([a, b]).to_f64(),
            Self::BF16 => bf16::from_le_bytes([a, b]).to_f64(),
            Self::F32 => f64::from(f32::from_le_bytes([a, b, c, d])),
            Self::F64 => f64::from_le_bytes(word),
        }
    }
}
