//! Convolution in the blocked layout, with bias, addend and activation: `y = a(b + Σ_{t,i} w[t, i] · x[t, i] + r)` over the taps
//! `t` of the window and the input channels `i`.
//!
//! One pass over the output: a tile of pixels times one or two blocks of output channels stays in registers while taps and
//! channels are visited. Weights are packed in that order. A convolution in groups is one whose tiles visit only the blocks of
//! input channels that they depend on.

use pulp::{Simd, WithSimd};

use super::layout::{BLOCK, MapLayout};
use super::tiles::{Tile, Tiling};
use super::width::Width;
use crate::kernels::{Activation, Curve, Range, with_curve};

/// Bytes of input that are read again for every block of output channels: part of a level-2 cache.
const BAND_BYTES: usize = 192 << 10;

/// Input channels of all taps of a piece. Times 32 output channels, their weights take 24 KiB.
const PIECE: usize = 192;

/// A convolution as the graph gives it. Weights are `[m, c/groups, kernel…]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    pub dilation: [usize; 2],
    /// Before the first row and column.
    pub pad: [usize; 2],
    pub groups: usize,
}

/// One element of the window in one block of input channels.
#[derive(Clone, Copy, Debug)]
struct Tap {
    offset: usize,
    channels: usize,
}

/// Taps whose weights stay in the level-1 cache while the tiles of a band are visited. Between pieces, sums are in the output.
#[derive(Debug)]
struct Piece {
    taps: Vec<Tap>,
    /// Position of its weights.
    weights: usize,
}

/// Blocks of output channels that are computed at once.
#[derive(Debug)]
struct Part {
    pieces: Vec<Piece>,
    /// The first block, and their number.
    block: usize,
    blocks: usize,
}

/// A convolution that is ready to run.
#[derive(Debug)]
pub(super) struct Convolution {
    width: Width,
    parts: Vec<Part>,
    tiles: Vec<Tile>,
    /// Tiles for which all parts run in turn.
    band: usize,
    /// Elements between the inputs of adjacent pixels.
    step: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
    activation: Activation,
    is_depthwise: bool,
    input: MapLayout,
    output: MapLayout,
    addend: Option<MapLayout>,
}

/// The maps of a convolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Maps {
    pub input: MapLayout,
    pub output: MapLayout,
    pub addend: Option<MapLayout>,
}

impl Convolution {
    /// Packs weights `[m, c/groups, kernel…]` and a bias `[m]`.
    pub(super) fn new(
        width: Width,
        maps: Maps,
        window: &Window,
        weights: (&[f32], Option<&[f32]>),
        activation: Activation,
    ) -> Self {
        let Maps { input, output, addend } = maps;
        let is_depthwise = window.groups > 1
            && window.groups == input.channels
            && window.groups == output.channels
            && input.block == BLOCK;
        let lanes = width.lanes();
        let tiling = Tiling {
            input: &input,
            output: &output,
            addend: addend.as_ref(),
            stride: window.stride,
            pad: window.pad,
            pointwise: window.kernel == [1, 1] && window.stride == [1, 1] && window.pad == [0, 0],
        };
        let mut bias = vec![0.0; output.blocks() * BLOCK];
        if let Some(values) = weights.1 {
            bias[..values.len()].copy_from_slice(values);
        }
        let tiles = tiling.tiles(lanes);
        let bytes = tiles
            .first()
            .map_or(1, |tile| 4 * tile.pixels * input.channels * window.stride[0]);
        let mut made = Self {
            width,
            parts: Vec::new(),
            tiles,
            band: (BAND_BYTES / bytes.max(1)).max(4),
            step: window.stride[1] * input.block,
            weights: Vec::new(),
            bias,
            activation,
            is_depthwise,
            input,
            output,
            addend,
        };
        let at_once = if lanes == BLOCK && !is_depthwise { 2 } else { 1 };
        let mut block = 0;
        while block < output.blocks() {
            let blocks = at_once.min(output.blocks() - block);
            made.pack(window, weights.0, block, blocks);
            block += blocks;
        }
        made.check();
        made
    }

    /// Adds the part that computes `blocks` blocks from `block` on.
    fn pack(&mut self, window: &Window, weights: &[f32], block: usize, blocks: usize) {
        let (input, output) = (self.input, self.output);
        let [kernel_h, kernel_w] = window.kernel;
        let (in_group, out_group) = (input.channels / window.groups, output.channels / window.groups);
        let (first, last) = (block * BLOCK, ((block + blocks) * BLOCK).min(output.channels) - 1);
        let from = first / out_group * in_group;
        let to = (last / out_group + 1) * in_group;
        let mut pieces: Vec<Piece> = Vec::new();
        let mut left = 0;
        let source = if self.is_depthwise {
            block..block + 1
        } else {
            from / input.block..to.div_ceil(input.block)
        };
        for source in source {
            let channels = if self.is_depthwise {
                1
            } else {
                input.block.min(input.channels - source * input.block)
            };
            for kh in 0..kernel_h {
                for kw in 0..kernel_w {
                    if left < channels {
                        left = PIECE;
                        pieces.push(Piece {
                            taps: Vec::new(),
                            weights: self.weights.len(),
                        });
                    }
                    left -= channels;
                    let tap = Tap {
                        offset: source * input.plane()
                            + kh * window.dilation[0] * input.row()
                            + kw * window.dilation[1] * input.block,
                        channels,
                    };
                    if let Some(piece) = pieces.last_mut() {
                        piece.taps.push(tap);
                    }
                    for lane in 0..channels {
                        for out in first..first + blocks * BLOCK {
                            let channel = source * input.block + lane;
                            // The channel within the group, if the output depends on it.
                            let within = if self.is_depthwise {
                                Some(0)
                            } else {
                                channel.checked_sub(out / out_group * in_group)
                            };
                            let value = within.filter(|&within| out < output.channels && within < in_group);
                            self.weights.push(value.map_or(0.0, |within| {
                                weights[((out * in_group + within) * kernel_h + kh) * kernel_w + kw]
                            }));
                        }
                    }
                }
            }
        }
        self.parts.push(Part { pieces, block, blocks });
    }

    /// Checks once what the kernel relies on: every element that a tile reads or writes is in its map.
    fn check(&self) {
        for part in &self.parts {
            let width = part.blocks * BLOCK;
            for piece in &part.pieces {
                let channels: usize = piece.taps.iter().map(|tap| tap.channels).sum();
                assert!(
                    piece.weights + channels * width <= self.weights.len(),
                    "weights of a part"
                );
            }
            assert!(part.block * BLOCK + width <= self.bias.len(), "bias of a part");
            let wide = if self.is_depthwise { BLOCK } else { 0 };
            let taps = part.pieces.iter().flat_map(|piece| &piece.taps);
            let reach = taps.map(|tap| tap.offset + tap.channels.max(wide)).max().unwrap_or(0);
            for tile in &self.tiles {
                let pixels = tile.pixels - 1;
                assert!(
                    tile.input + pixels * self.step + reach <= self.input.len(),
                    "input of a tile"
                );
                let last = (part.block + part.blocks - 1) * self.output.plane();
                assert!(
                    last + tile.output + (pixels + 1) * BLOCK <= self.output.len(),
                    "output of a tile"
                );
                if let Some(addend) = &self.addend {
                    let last = (part.block + part.blocks - 1) * addend.plane();
                    assert!(
                        last + tile.addend + (pixels + 1) * BLOCK <= addend.len(),
                        "addend of a tile"
                    );
                }
            }
        }
    }

    /// Runs on one image.
    pub(super) fn run(&self, input: &[f32], addend: Option<&[f32]>, output: &mut [f32]) {
        let (input, output) = (&input[..self.input.len()], &mut output[..self.output.len()]);
        let addend = self.addend.as_ref().map(|map| &addend.unwrap_or(&[])[..map.len()]);
        self.output.clear_border(output);
        self.width.run(Pass {
            convolution: self,
            input,
            addend,
            output,
        });
    }
}

/// One run over an image. Slices have the lengths of their maps.
struct Pass<'a> {
    convolution: &'a Convolution,
    input: &'a [f32],
    addend: Option<&'a [f32]>,
    output: &'a mut [f32],
}

impl WithSimd for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let convolution = self.convolution;
        for tiles in convolution.tiles.chunks(convolution.band) {
            for part in &convolution.parts {
                for at in 0..part.pieces.len() {
                    for tile in tiles {
                        // By `if`, so that the compiler drops what is not for this width early.
                        if S::F32_LANES == 16 && part.blocks == 2 {
                            self.sized::<S, 2>(simd, part, at, tile);
                        } else if S::F32_LANES == 16 {
                            self.sized::<S, 1>(simd, part, at, tile);
                        } else if S::F32_LANES == 8 {
                            self.sized::<S, 2>(simd, part, at, tile);
                        } else if S::F32_LANES == 4 {
                            self.sized::<S, 4>(simd, part, at, tile);
                        } else {
                            self.sized::<S, 16>(simd, part, at, tile);
                        }
                        if at + 1 == part.pieces.len() {
                            self.activate(part, tile);
                        }
                    }
                }
            }
        }
    }
}

impl Pass<'_> {
    #[inline(always)]
    fn sized<S: Simd, const V: usize>(&mut self, simd: S, part: &Part, piece: usize, tile: &Tile) {
        if self.convolution.is_depthwise {
            self.counted::<S, V, true>(simd, part, piece, tile);
        } else {
            self.counted::<S, V, false>(simd, part, piece, tile);
        }
    }

    /// With the number of pixels as a constant.
    #[inline(always)]
    fn counted<S: Simd, const V: usize, const DEPTHWISE: bool>(
        &mut self,
        simd: S,
        part: &Part,
        piece: usize,
        tile: &Tile,
    ) {
        macro_rules! pixels {
            ($($pixels:literal),*) => {
                match tile.pixels {
                    $($pixels => self.stepped::<S, V, $pixels, DEPTHWISE>(simd, part, piece, tile),)*
                    _ => self.stepped::<S, V, 1, DEPTHWISE>(simd, part, piece, tile),
                }
            };
        }
        // The sizes of `tiles::sizes`.
        if S::F32_LANES == 16 {
            pixels!(14, 10, 7, 5, 4, 2)
        } else if S::F32_LANES == 8 {
            pixels!(6, 5, 4, 2)
        } else if S::F32_LANES == 4 {
            pixels!(4, 2)
        } else {
            pixels!(2)
        }
    }

    /// With the distance of pixels as a constant, which then is part of the instructions.
    #[inline(always)]
    fn stepped<S: Simd, const V: usize, const P: usize, const DEPTHWISE: bool>(
        &mut self,
        simd: S,
        part: &Part,
        piece: usize,
        tile: &Tile,
    ) {
        match self.convolution.step {
            16 => self.tile::<S, V, P, 16, DEPTHWISE>(simd, part, piece, tile),
            32 => self.tile::<S, V, P, 32, DEPTHWISE>(simd, part, piece, tile),
            8 if !DEPTHWISE => self.tile::<S, V, P, 8, DEPTHWISE>(simd, part, piece, tile),
            _ => self.tile::<S, V, P, 0, DEPTHWISE>(simd, part, piece, tile),
        }
    }

    /// `P` pixels times `V` registers of output channels.
    #[inline(always)]
    #[expect(unsafe_code, reason = "the innermost loop, without bounds checks")]
    #[expect(
        clippy::needless_range_loop,
        reason = "registers are indexed by vector and pixel, in loops that are unrolled"
    )]
    fn tile<S: Simd, const V: usize, const P: usize, const STEP: usize, const DEPTHWISE: bool>(
        &mut self,
        simd: S,
        part: &Part,
        piece: usize,
        tile: &Tile,
    ) {
        let convolution = self.convolution;
        let step = if STEP == 0 { convolution.step } else { STEP };
        let lanes = S::F32_LANES;
        let range = match convolution.activation {
            Activation::Limit(range) => range,
            _ => Range::ALL,
        };
        // SAFETY: `Convolution::check` has verified for every pair of part and tile that the elements of the weights, the bias,
        // and the three maps that are visited here are within their slices, which `Convolution::run` cut to the lengths of the
        // maps. `P` is `tile.pixels` and `V · lanes` is `16 · part.blocks` by the dispatch above. `f32s` is plain data, and
        // reads and writes are unaligned.
        unsafe {
            let load = |at: *const f32| at.cast::<S::f32s>().read_unaligned();
            let taken = &part.pieces[piece];
            let bias = convolution.bias.as_ptr().add(part.block * BLOCK);
            let mut sums = [[simd.splat_f32s(0.0); V]; P];
            for v in 0..V {
                let bias = load(bias.add(v * lanes));
                for sums in &mut sums {
                    sums[v] = bias;
                }
            }
            let output = self
                .output
                .as_mut_ptr()
                .add(part.block * convolution.output.plane() + tile.output);
            // Of register `v`.
            let place = |v: usize| v * lanes / BLOCK * convolution.output.plane() + v * lanes % BLOCK;
            if piece > 0 {
                for v in 0..V {
                    for p in 0..P {
                        sums[p][v] = load(output.add(place(v) + p * BLOCK));
                    }
                }
            }
            let first = self.input.as_ptr().add(tile.input);
            let mut weights = convolution.weights.as_ptr().add(taken.weights);
            for tap in &taken.taps {
                let x = first.add(tap.offset);
                for channel in 0..tap.channels {
                    let mut w = [simd.splat_f32s(0.0); V];
                    for v in 0..V {
                        w[v] = load(weights.add(v * lanes));
                    }
                    weights = weights.add(V * lanes);
                    for p in 0..P {
                        if DEPTHWISE {
                            for v in 0..V {
                                let x = load(x.add(p * step + v * lanes));
                                sums[p][v] = simd.mul_add_e_f32s(x, w[v], sums[p][v]);
                            }
                        } else {
                            let x = simd.splat_f32s(*x.add(p * step + channel));
                            for v in 0..V {
                                sums[p][v] = simd.mul_add_e_f32s(x, w[v], sums[p][v]);
                            }
                        }
                    }
                }
            }
            if piece + 1 < part.pieces.len() {
                for v in 0..V {
                    for p in 0..P {
                        output
                            .add(place(v) + p * BLOCK)
                            .cast::<S::f32s>()
                            .write_unaligned(sums[p][v]);
                    }
                }
                return;
            }
            if let (Some(addend), Some(map)) = (self.addend, &convolution.addend) {
                let addend = addend.as_ptr().add(part.block * map.plane() + tile.addend);
                for v in 0..V {
                    let addend = addend.add(v * lanes / BLOCK * map.plane() + v * lanes % BLOCK);
                    for p in 0..P {
                        sums[p][v] = simd.add_f32s(sums[p][v], load(addend.add(p * BLOCK)));
                    }
                }
            }
            let (low, high) = (simd.splat_f32s(range.low), simd.splat_f32s(range.high));
            for v in 0..V {
                let output = output.add(place(v));
                for p in 0..P {
                    // By comparison, so that a NaN stays one.
                    let sum = sums[p][v];
                    let raised = simd.select_f32s(simd.less_than_f32s(sum, low), low, sum);
                    let value = simd.select_f32s(simd.less_than_f32s(high, raised), high, raised);
                    output.add(p * BLOCK).cast::<S::f32s>().write_unaligned(value);
                }
            }
        }
    }

    /// Applies an activation that is not a pair of limits, while the tile is in the cache.
    #[inline(always)]
    fn activate(&mut self, part: &Part, tile: &Tile) {
        let activation = self.convolution.activation;
        if matches!(activation, Activation::Limit(_)) {
            return;
        }
        let plane = self.convolution.output.plane();
        for block in part.block..part.block + part.blocks {
            let values = &mut self.output[block * plane + tile.output..][..tile.pixels * BLOCK];
            with_curve!(activation, curve => values.iter_mut().for_each(|value| *value = curve.apply(*value)));
        }
    }
}
