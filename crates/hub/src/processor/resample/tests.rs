//! A second derivation: the definition in the module's header in double precision, over all pixels of an axis, without bounds,
//! windows, or a choice of loops. Sums of integers below 2⁵³ are exact in it, so the bytes must be the same.

use super::*;

fn noise(size: Size, channels: usize, seed: u32) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Half of the values at the ends, where clipping matters.
        let byte = (state >> 24) as u8;
        if state >> 16 & 1 == 0 { byte } else { 255 * (byte & 1) }
    };
    (0..size.height * size.width * channels).map(|_| next()).collect()
}

fn phi(filter: Filter, x: f64) -> f64 {
    let pi = std::f64::consts::PI;
    let x = if filter == Filter::Box { x } else { x.abs() };
    match filter {
        Filter::Nearest => unreachable!(),
        Filter::Box => f64::from(x > -0.5 && x <= 0.5),
        Filter::Bilinear if x < 1.0 => 1.0 - x,
        Filter::Hamming if x == 0.0 => 1.0,
        Filter::Hamming if x < 1.0 => {
            (pi * x).sin() / (pi * x) * (f64::from(0.54_f32) + f64::from(0.46_f32) * (pi * x).cos())
        }
        // Keys' cubic with a = -1/2.
        Filter::Bicubic if x < 1.0 => 1.5 * x * x * x - 2.5 * x * x + 1.0,
        Filter::Bicubic if x < 2.0 => -0.5 * x * x * x + 2.5 * x * x - 4.0 * x + 2.0,
        Filter::Lanczos if x == 0.0 => 1.0,
        Filter::Lanczos if x < 3.0 => 3.0 * (pi * x).sin() * (pi * x / 3.0).sin() / (pi * pi * x * x),
        _ => 0.0,
    }
}

/// `[target][source]` weights, in units of 2⁻²².
fn weights(source: usize, region: (f32, f32), target: usize, filter: Filter) -> Vec<Vec<f64>> {
    let scale = f64::from(region.1 - region.0) / target as f64;
    let stretch = scale.max(1.0);
    let row = |j: usize| {
        let center = f64::from(region.0) + (j as f64 + 0.5) * scale;
        let row: Vec<f64> = (0..source)
            .map(|i| phi(filter, (i as f64 + 0.5 - center) / stretch))
            .collect();
        let sum: f64 = row.iter().sum();
        row.iter().map(|w| (w / sum * 4_194_304.0).round()).collect()
    };
    (0..target).map(row).collect()
}

/// One pass over `[n][source][channels]` lines.
fn pass(lines: &[Vec<Vec<f64>>], weights: &[Vec<f64>]) -> Vec<Vec<Vec<f64>>> {
    let sum = |line: &Vec<Vec<f64>>, w: &Vec<f64>, c: usize| {
        let sum: f64 = line.iter().zip(w).map(|(pixel, w)| pixel[c] * w).sum();
        (sum / 4_194_304.0 + 0.5).floor().clamp(0.0, 255.0)
    };
    let pixel = |line: &Vec<Vec<f64>>, w: &Vec<f64>| (0..line[0].len()).map(|c| sum(line, w, c)).collect();
    lines
        .iter()
        .map(|line| weights.iter().map(|w| pixel(line, w)).collect())
        .collect()
}

fn transposed(lines: &[Vec<Vec<f64>>]) -> Vec<Vec<Vec<f64>>> {
    (0..lines[0].len())
        .map(|x| lines.iter().map(|line| line[x].clone()).collect())
        .collect()
}

fn reference(data: &[u8], size: Size, channels: usize, request: &Request) -> Vec<u8> {
    let lines = data.chunks(size.width * channels);
    let pixels = |line: &[u8]| {
        line.chunks(channels)
            .map(|p| p.iter().map(|&v| f64::from(v)).collect())
            .collect()
    };
    let mut image: Vec<Vec<Vec<f64>>> = lines.map(pixels).collect();
    let Request {
        region, target, filter, ..
    } = *request;
    let across = weights(size.width, region.x, target.width, filter);
    let down = weights(size.height, region.y, target.height, filter);
    let same = (
        size.width == target.width && region.x == (0.0, size.width as f32),
        size.height == target.height && region.y == (0.0, size.height as f32),
    );
    let rows_lost = size.height as i64 - target.height as i64;
    let columns_lost = size.width as i64 - target.width as i64;
    let rows_first = rows_lost > 0 && rows_lost > 2 * columns_lost;
    for axis in if rows_first {
        ["down", "across"]
    } else {
        ["across", "down"]
    } {
        match axis {
            "across" if !same.0 => image = pass(&image, &across),
            "down" if !same.1 => image = transposed(&pass(&transposed(&image), &down)),
            _ => {}
        }
    }
    image.concat().concat().iter().map(|&v| v as u8).collect()
}

fn whole(size: Size, target: Size, filter: Filter) -> Request {
    Request {
        region: Region::whole(size),
        target,
        filter,
        rows: Span::whole(target.height),
        columns: Span::whole(target.width),
    }
}

const WEIGHTED: [Filter; 5] = [
    Filter::Box,
    Filter::Bilinear,
    Filter::Hamming,
    Filter::Bicubic,
    Filter::Lanczos,
];

/// Heights and widths: single pixels, lines, odd ones, much larger, much smaller.
const SIZES: [(usize, usize); 9] = [
    (1, 1),
    (1, 9),
    (9, 1),
    (7, 5),
    (16, 16),
    (31, 17),
    (13, 64),
    (64, 13),
    (90, 40),
];

fn size((height, width): (usize, usize)) -> Size {
    Size { height, width }
}

#[test]
fn resampling_is_the_definition_to_the_bit() {
    for filter in WEIGHTED {
        for (i, from) in SIZES.map(size).into_iter().enumerate() {
            for (j, to) in SIZES.map(size).into_iter().enumerate() {
                let request = whole(from, to, filter);
                let case = format!("{} {from} to {to}", filter.name());
                let data = noise(from, 3, (16 * i + j) as u32);
                let found = resample::<3>(
                    Pixels {
                        data: &data,
                        size: from,
                    },
                    &request,
                );
                assert!(found == reference(&data, from, 3, &request), "{case}");
                let grey = &data[..from.height * from.width];
                let found = resample::<1>(Pixels { data: grey, size: from }, &request);
                assert!(found == reference(grey, from, 1, &request), "{case}, grey");
            }
        }
    }
}

#[test]
fn a_region_of_the_source_is_resampled_by_the_definition() {
    let from = Size { height: 31, width: 40 };
    let data = noise(from, 3, 5);
    let regions = [
        Region {
            x: (3.0, 33.0),
            y: (1.0, 30.0),
        },
        Region {
            x: (0.0, 40.0),
            y: (2.5, 9.25),
        },
        Region {
            x: (10.2, 10.9),
            y: (0.0, 31.0),
        },
    ];
    for filter in WEIGHTED {
        for region in regions {
            let request = Request {
                region,
                ..whole(from, Size { height: 12, width: 19 }, filter)
            };
            // Here the box filter may miss every pixel of a region narrower than one.
            if filter == Filter::Box && region.x.1 - region.x.0 < 1.0 {
                continue;
            }
            let found = resample::<3>(
                Pixels {
                    data: &data,
                    size: from,
                },
                &request,
            );
            assert!(
                found == reference(&data, from, 3, &request),
                "{} {region:?}",
                filter.name()
            );
        }
    }
}

#[test]
fn a_window_is_the_crop_of_the_whole() {
    let from = Size { height: 37, width: 29 };
    let data = noise(from, 3, 9);
    let source = Pixels {
        data: &data,
        size: from,
    };
    for target in [
        Size { height: 20, width: 50 },
        Size { height: 80, width: 11 },
        from,
        Size { height: 37, width: 60 },
    ] {
        for filter in Filter::ALL {
            let all = resample::<3>(source, &whole(from, target, filter));
            let rows = Span {
                from: 3,
                to: 0,
                len: target.height - 7,
            };
            let columns = Span {
                from: 4,
                to: 0,
                len: target.width - 5,
            };
            let request = Request {
                rows,
                columns,
                ..whole(from, target, filter)
            };
            let expected: Vec<u8> = (rows.from..rows.from + rows.len)
                .flat_map(|y| {
                    &all[3 * (y * target.width + columns.from)..3 * (y * target.width + columns.from + columns.len)]
                })
                .copied()
                .collect();
            assert!(
                resample::<3>(source, &request) == expected,
                "{} to {target}",
                filter.name()
            );
        }
    }
}

#[test]
fn nearest_repeats_or_drops_pixels() {
    let data: Vec<u8> = (0..6).collect();
    let source = Pixels {
        data: &data,
        size: Size { height: 1, width: 6 },
    };
    let to = |height, width| whole(source.size, Size { height, width }, Filter::Nearest);
    assert_eq!(
        resample::<1>(source, &to(2, 12)),
        [[0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]; 2].concat()
    );
    assert_eq!(resample::<1>(source, &to(1, 3)), [1, 3, 5]);
    assert_eq!(resample::<1>(source, &to(1, 4)), [0, 2, 3, 5]);
}

#[test]
fn a_flat_image_stays_flat_under_every_filter() {
    let from = Size { height: 23, width: 17 };
    for filter in Filter::ALL {
        for value in [0, 1, 127, 254, 255] {
            let data = vec![value; from.height * from.width];
            let target = Size { height: 40, width: 5 };
            let found = resample::<1>(
                Pixels {
                    data: &data,
                    size: from,
                },
                &whole(from, target, filter),
            );
            assert!(found.iter().all(|&v| v == value), "{} of {value}", filter.name());
        }
    }
}
