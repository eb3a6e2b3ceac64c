//! The element types of arrays in files.

use half::{bf16, f16};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Element {
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
    Bf16,
    F32,
    F64,
    /// Texts of this many code points, padded with zeros.
    Utf32(usize),
    /// Texts of this many bytes, padded with zeros.
    Bytes(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endian {
    Little,
    Big,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DType {
    pub(crate) element: Element,
    pub(crate) endian: Endian,
}

/// Calls `$sink` with each value of `$bytes`, read as `$type` of `$n` bytes.
macro_rules! each {
    ($bytes:expr, $endian:expr, $type:ty, $n:literal, $sink:expr) => {{
        let (chunks, _) = $bytes.as_chunks::<$n>();
        match $endian {
            Endian::Little => chunks.iter().for_each(|chunk| $sink(<$type>::from_le_bytes(*chunk))),
            Endian::Big => chunks.iter().for_each(|chunk| $sink(<$type>::from_be_bytes(*chunk))),
        }
    }};
}

impl DType {
    pub(crate) fn little(element: Element) -> Self {
        let endian = Endian::Little;
        Self { element, endian }
    }

    /// Bytes of an element; 0 for texts without characters.
    pub(crate) fn size(self) -> usize {
        match self.element {
            Element::Bool | Element::I8 | Element::U8 => 1,
            Element::I16 | Element::U16 | Element::F16 | Element::Bf16 => 2,
            Element::I32 | Element::U32 | Element::F32 => 4,
            Element::I64 | Element::U64 | Element::F64 => 8,
            Element::Utf32(length) => length.saturating_mul(4),
            Element::Bytes(length) => length,
        }
    }

    pub(crate) fn is_text(self) -> bool {
        matches!(self.element, Element::Utf32(_) | Element::Bytes(_))
    }

    pub(crate) fn is_float(self) -> bool {
        matches!(self.element, Element::F16 | Element::Bf16 | Element::F32 | Element::F64)
    }

    /// Whether an element has the bytes of an `f32` in the memory of this machine.
    pub(crate) fn is_native_f32(self) -> bool {
        cfg!(target_endian = "little") && self == Self::little(Element::F32)
    }

    /// Writes the numbers of `bytes` to every `stride`-th place of `out`, as far as both reach. Larger types are rounded to f32;
    /// texts write nothing.
    pub(crate) fn write_f32(self, bytes: &[u8], out: &mut [f32], stride: usize) {
        if stride == 1 && self == Self::little(Element::F32) {
            let (chunks, _) = bytes.as_chunks::<4>();
            for (place, chunk) in out.iter_mut().zip(chunks) {
                *place = f32::from_le_bytes(*chunk);
            }
            return;
        }
        let mut places = out.iter_mut().step_by(stride.max(1));
        self.each_f64(bytes, |value| {
            if let Some(place) = places.next() {
                *place = value as f32;
            }
        });
    }

    /// Calls `sink` with each number, widened to f64 (64-bit integers are rounded).
    pub(crate) fn each_f64(self, bytes: &[u8], mut sink: impl FnMut(f64)) {
        let endian = self.endian;
        match self.element {
            Element::Bool => bytes.iter().for_each(|byte| sink(f64::from(*byte != 0))),
            Element::U8 => bytes.iter().for_each(|byte| sink(f64::from(*byte))),
            Element::I8 => bytes.iter().for_each(|byte| sink(f64::from(byte.cast_signed()))),
            Element::I16 => each!(bytes, endian, i16, 2, |value| sink(f64::from(value))),
            Element::I32 => each!(bytes, endian, i32, 4, |value| sink(f64::from(value))),
            Element::I64 => each!(bytes, endian, i64, 8, |value| sink(value as f64)),
            Element::U16 => each!(bytes, endian, u16, 2, |value| sink(f64::from(value))),
            Element::U32 => each!(bytes, endian, u32, 4, |value| sink(f64::from(value))),
            Element::U64 => each!(bytes, endian, u64, 8, |value| sink(value as f64)),
            Element::F16 => each!(bytes, endian, f16, 2, |value: f16| sink(value.to_f64())),
            Element::Bf16 => each!(bytes, endian, bf16, 2, |value: bf16| sink(value.to_f64())),
            Element::F32 => each!(bytes, endian, f32, 4, |value| sink(f64::from(value))),
            Element::F64 => each!(bytes, endian, f64, 8, &mut sink),
            Element::Utf32(_) | Element::Bytes(_) => {}
        }
    }

    /// Calls `sink` with each integer or boolean; never for other types.
    pub(crate) fn each_integer(self, bytes: &[u8], mut sink: impl FnMut(i128)) {
        let endian = self.endian;
        match self.element {
            Element::Bool => bytes.iter().for_each(|byte| sink(i128::from(*byte != 0))),
            Element::U8 => bytes.iter().for_each(|byte| sink(i128::from(*byte))),
            Element::I8 => bytes.iter().for_each(|byte| sink(i128::from(byte.cast_signed()))),
            Element::I16 => each!(bytes, endian, i16, 2, |value| sink(i128::from(value))),
            Element::I32 => each!(bytes, endian, i32, 4, |value| sink(i128::from(value))),
            Element::I64 => each!(bytes, endian, i64, 8, |value| sink(i128::from(value))),
            Element::U16 => each!(bytes, endian, u16, 2, |value| sink(i128::from(value))),
            Element::U32 => each!(bytes, endian, u32, 4, |value| sink(i128::from(value))),
            Element::U64 => each!(bytes, endian, u64, 8, |value| sink(i128::from(value))),
            _ => {}
        }
    }

    /// The texts of `bytes`; invalid characters become `�`.
    pub(crate) fn texts(self, bytes: &[u8]) -> Vec<String> {
        let text = |element: &[u8]| match self.element {
            Element::Utf32(_) => {
                let mut text = String::new();
                each!(element, self.endian, u32, 4, |code| text
                    .push(char::from_u32(code).unwrap_or('\u{fffd}')));
                text.trim_end_matches('\0').to_owned()
            }
            _ => String::from_utf8_lossy(element).trim_end_matches('\0').to_owned(),
        };
        match self.size() {
            0 => Vec::new(),
            size => bytes.chunks_exact(size).map(text).collect(),
        }
    }
}

impl std::fmt::Display for Element {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = match self {
            Self::Bool => "bool",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Utf32(_) | Self::Bytes(_) => "text",
        };
        f.write_str(name)
    }
}
