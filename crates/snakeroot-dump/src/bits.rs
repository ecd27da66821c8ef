//! Parquet's integer encodings: packed bits with runs, and packed differences.
//!
//! Both ways, on slices only. A decoder trusts nothing: what it is given may be
//! any bytes, and it says what is wrong with them.

use std::fmt::Display;

/// What is wrong with encoded bytes.
pub(crate) type Damage = String;

/// Values that [`delta`] leaves together: fixed by its decoders' habits.
const BLOCK_VALUES: usize = 128;
const MINIBLOCK_VALUES: usize = 32;

pub(crate) fn short(what: &str, expected: impl Display, found: impl Display) -> Damage {
    format!("{what}: expected {expected} bytes, found {found}")
}

/// Appends an unsigned LEB128 number.
pub(crate) fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn take_varint(bytes: &mut &[u8]) -> Result<u64, Damage> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) =
            bytes.split_first().ok_or("a number: expected another byte, found the end")?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("a number: expected at most 10 bytes, found more".into())
}

fn put_zigzag(value: i64, out: &mut Vec<u8>) {
    put_varint(((value << 1) ^ (value >> 63)) as u64, out);
}

fn take_zigzag(bytes: &mut &[u8]) -> Result<i64, Damage> {
    let value = take_varint(bytes)?;
    Ok((value >> 1) as i64 ^ -((value & 1) as i64))
}

/// How many bits `value` needs.
pub(crate) fn width_of(value: u64) -> u32 {
    64 - value.leading_zeros()
}

/// Appends values of `width` bits, the lowest bit first.
fn pack(values: impl Iterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let (mut held, mut bits) = (0_u128, 0);
    for value in values {
        held |= u128::from(value) << bits;
        bits += width;
        if bits >= 64 {
            out.extend_from_slice(&(held as u64).to_le_bytes());
            held >>= 64;
            bits -= 64;
        }
    }
    out.extend_from_slice(&held.to_le_bytes()[..bits.div_ceil(8) as usize]);
}

/// The `at`-th value of `width` bits.
#[inline]
fn unpack(bytes: &[u8], width: u32, at: usize) -> u64 {
    let bit = at * width as usize;
    let (first, shift) = (bit / 8, bit % 8);
    let mut window = [0_u8; 16];
    match bytes.get(first..first + 16) {
        Some(whole) => window.copy_from_slice(whole),
        None => {
            let rest = &bytes[first.min(bytes.len())..];
            window[..rest.len()].copy_from_slice(rest);
        }
    }
    let value = (u128::from_le_bytes(window) >> shift) as u64;
    if width == 64 { value } else { value & ((1 << width) - 1) }
}

/// Appends one run of levels of `width` bits: repeated where all are equal, packed otherwise.
pub(crate) fn put_levels(levels: &[u8], width: u32, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    match levels.split_first() {
        Some((&first, rest)) if rest.iter().all(|&level| level == first) => {
            put_varint((levels.len() as u64) << 1, out);
            out.push(first);
        }
        Some(_) => put_packed_run(levels.iter().map(|&level| u64::from(level)), width, out),
        None => {}
    }
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// Appends a dictionary-encoded page's places: the width in bits, then one packed run.
///
/// The width is rounded up to whole bytes. That looks wasteful and is not:
/// compression finds what repeats only where it begins at a byte.
pub(crate) fn put_places(places: &[u32], out: &mut Vec<u8>) {
    let most = places.iter().copied().max().unwrap_or(0);
    let width = width_of(u64::from(most)).max(1).div_ceil(8) * 8;
    out.push(width as u8);
    let groups = places.len().div_ceil(8);
    put_varint((groups as u64) << 1 | 1, out);
    let start = out.len();
    match width {
        8 => out.extend(places.iter().map(|&place| place as u8)),
        16 => out.extend(places.iter().flat_map(|&place| (place as u16).to_le_bytes())),
        _ => {
            let bytes = width as usize / 8;
            for place in places {
                out.extend_from_slice(&place.to_le_bytes()[..bytes]);
            }
        }
    }
    out.resize(start + groups * width as usize, 0);
}

fn put_packed_run(values: impl ExactSizeIterator<Item = u64>, width: u32, out: &mut Vec<u8>) {
    let groups = values.len().div_ceil(8);
    put_varint((groups as u64) << 1 | 1, out);
    let start = out.len();
    pack(values, width, out);
    out.resize(start + groups * width as usize, 0);
}

/// A number that runs are decoded to.
pub(crate) trait Small: Copy {
    fn small(value: u64) -> Self;
}
impl Small for u8 {
    fn small(value: u64) -> u8 {
        value as u8
    }
}
impl Small for u32 {
    fn small(value: u64) -> u32 {
        value as u32
    }
}

/// Appends `count` values from packed and repeated runs.
pub(crate) fn take_runs<T: Small>(
    mut bytes: &[u8],
    width: u32,
    count: usize,
    out: &mut Vec<T>,
) -> Result<(), Damage> {
    if width > 32 {
        return Err(format!("packed numbers: expected at most 32 bits, found {width}"));
    }
    if width == 0 {
        out.resize(out.len() + count, T::small(0));
        return Ok(());
    }
    let mut left = count;
    while left > 0 {
        let header = take_varint(&mut bytes)?;
        let length = usize::try_from(header >> 1).unwrap_or(usize::MAX);
        if header & 1 == 0 {
            let size = width.div_ceil(8) as usize;
            let Some((value, rest)) = bytes.split_at_checked(size) else {
                return Err(short("a repeated number", size, bytes.len()));
            };
            bytes = rest;
            if length == 0 {
                return Err("a run: expected at least 1 number, found 0".into());
            }
            let mut word = [0; 8];
            word[..size].copy_from_slice(value);
            let taken = length.min(left);
            out.resize(out.len() + taken, T::small(u64::from_le_bytes(word)));
            left -= taken;
        } else {
            let taken = length.saturating_mul(8).min(left);
            let needed = (taken * width as usize).div_ceil(8);
            if taken == 0 || bytes.len() < needed {
                return Err(short("packed numbers", needed.max(1), bytes.len()));
            }
            match width {
                8 => out.extend(bytes[..needed].iter().map(|&byte| T::small(byte.into()))),
                16 => out.extend(
                    bytes[..needed]
                        .as_chunks::<2>()
                        .0
                        .iter()
                        .map(|&pair| T::small(u16::from_le_bytes(pair).into())),
                ),
                1 => {
                    let from = out.len();
                    for &byte in &bytes[..needed] {
                        out.extend((0..8).map(|bit| T::small((byte >> bit & 1).into())));
                    }
                    out.truncate(from + taken);
                }
                _ => out.extend((0..taken).map(|at| T::small(unpack(bytes, width, at)))),
            }
            let whole = length.saturating_mul(width as usize).min(bytes.len());
            bytes = &bytes[whole..];
            left -= taken;
        }
    }
    Ok(())
}

/// Appends numbers as packed differences (`DELTA_BINARY_PACKED`).
///
/// `bits` is 32 or 64: the size that a difference wraps around at.
pub(crate) fn put_delta(
    mut values: impl ExactSizeIterator<Item = u64>,
    bits: u32,
    out: &mut Vec<u8>,
) {
    let wrap = |value: u64| {
        if bits == 32 { i64::from(value as i32) } else { value as i64 }
    };
    put_varint(BLOCK_VALUES as u64, out);
    put_varint((BLOCK_VALUES / MINIBLOCK_VALUES) as u64, out);
    put_varint(values.len() as u64, out);
    let mut last = values.next().unwrap_or(0);
    put_zigzag(wrap(last), out);
    let mut block = Vec::with_capacity(BLOCK_VALUES);
    loop {
        block.clear();
        block.extend(values.by_ref().take(BLOCK_VALUES).map(|value| {
            let step = wrap(value.wrapping_sub(last));
            last = value;
            step
        }));
        let Some(&least) = block.iter().min() else {
            return;
        };
        put_zigzag(least, out);
        let widths = out.len();
        out.extend_from_slice(&[0; BLOCK_VALUES / MINIBLOCK_VALUES]);
        for (at, part) in block.chunks(MINIBLOCK_VALUES).enumerate() {
            let above = part.iter().map(|&step| step.wrapping_sub(least) as u64);
            let width = width_of(above.clone().fold(0, |all, value| all | value));
            out[widths + at] = width as u8;
            let start = out.len();
            pack(above, width, out);
            out.resize(start + width as usize * MINIBLOCK_VALUES / 8, 0);
        }
    }
}

/// Appends `count` numbers from packed differences.
pub(crate) fn take_delta(
    mut bytes: &[u8],
    count: usize,
    mut put: impl FnMut(u64),
) -> Result<(), Damage> {
    let block = take_varint(&mut bytes)?;
    let parts = take_varint(&mut bytes)?;
    let total = take_varint(&mut bytes)?;
    if block == 0 || block > 1 << 16 || parts == 0 || block % parts != 0 || block / parts % 32 != 0
    {
        return Err(format!(
            "packed differences: expected blocks of 128 numbers in 4 parts, found {block} in {parts}"
        ));
    }
    if total != count as u64 {
        return Err(format!("packed differences: expected {count} numbers, found {total}"));
    }
    let part = (block / parts) as usize;
    let mut value = take_zigzag(&mut bytes)? as u64;
    let mut left = count;
    if left == 0 {
        return Ok(());
    }
    put(value);
    left -= 1;
    while left > 0 {
        let least = take_zigzag(&mut bytes)? as u64;
        let Some((widths, rest)) = bytes.split_at_checked(parts as usize) else {
            return Err(short("packed differences: widths", parts, bytes.len()));
        };
        bytes = rest;
        for &width in widths {
            if left == 0 {
                break;
            }
            if width > 64 {
                return Err(format!("packed differences: expected at most 64 bits, found {width}"));
            }
            let taken = part.min(left);
            let needed = (taken * usize::from(width)).div_ceil(8);
            if bytes.len() < needed {
                return Err(short("packed differences", needed, bytes.len()));
            }
            for at in 0..taken {
                let above = if width == 0 { 0 } else { unpack(bytes, width.into(), at) };
                value = value.wrapping_add(least).wrapping_add(above);
                put(value);
            }
            bytes = &bytes[(part / 8 * usize::from(width)).min(bytes.len())..];
            left -= taken;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn places_are_read_back(places in proptest::collection::vec(0_u32..70_000, 0..300)) {
            let mut bytes = Vec::new();
            put_places(&places, &mut bytes);
            let mut found: Vec<u32> = Vec::new();
            take_runs(&bytes[1..], bytes[0].into(), places.len(), &mut found).unwrap();
            prop_assert_eq!(found, places);
        }

        #[test]
        fn levels_are_read_back(levels in proptest::collection::vec(0_u8..3, 0..300)) {
            let mut bytes = Vec::new();
            put_levels(&levels, 2, &mut bytes);
            let mut found: Vec<u8> = Vec::new();
            take_runs(&bytes[4..], 2, levels.len(), &mut found).unwrap();
            prop_assert_eq!(found, levels);
        }

        #[test]
        fn differences_are_read_back(values in proptest::collection::vec(any::<u64>(), 0..400)) {
            let mut bytes = Vec::new();
            put_delta(values.iter().copied(), 64, &mut bytes);
            let mut found = Vec::new();
            take_delta(&bytes, values.len(), |value| found.push(value)).unwrap();
            prop_assert_eq!(&found, &values);

            bytes.clear();
            found.clear();
            put_delta(values.iter().map(|&value| u64::from(value as u32)), 32, &mut bytes);
            take_delta(&bytes, values.len(), |value| found.push(value & 0xffff_ffff)).unwrap();
            prop_assert_eq!(found, values.iter().map(|value| value & 0xffff_ffff).collect::<Vec<_>>());
        }

        #[test]
        fn any_bytes_are_an_answer_or_an_error(
            bytes in proptest::collection::vec(any::<u8>(), 0..60), width in 0_u32..40
        ) {
            let _ = take_runs::<u32>(&bytes, width, 100, &mut Vec::new());
            let _ = take_delta(&bytes, 100, |_| ());
        }
    }
}
