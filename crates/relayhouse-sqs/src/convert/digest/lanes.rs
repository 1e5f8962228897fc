//! MD5 of several inputs side by side, in half the time: each step of one waits for the step before
//! it, and meanwhile those of the others are made.

use std::array;

/// How many inputs are digested side by side.
const LANES: usize = 4;

const BLOCK_BYTES: usize = 64;

/// The last block ends with the length of its input.
const LENGTH_BYTES: usize = 8;

/// One word of each input.
type Lanes = [u32; LANES];

const START: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// The constants of RFC 1321, a row for each round.
const SINES: [[u32; 16]; 4] = [
    [
        0xd76a_a478,
        0xe8c7_b756,
        0x2420_70db,
        0xc1bd_ceee,
        0xf57c_0faf,
        0x4787_c62a,
        0xa830_4613,
        0xfd46_9501,
        0x6980_98d8,
        0x8b44_f7af,
        0xffff_5bb1,
        0x895c_d7be,
        0x6b90_1122,
        0xfd98_7193,
        0xa679_438e,
        0x49b4_0821,
    ],
    [
        0xf61e_2562,
        0xc040_b340,
        0x265e_5a51,
        0xe9b6_c7aa,
        0xd62f_105d,
        0x0244_1453,
        0xd8a1_e681,
        0xe7d3_fbc8,
        0x21e1_cde6,
        0xc337_07d6,
        0xf4d5_0d87,
        0x455a_14ed,
        0xa9e3_e905,
        0xfcef_a3f8,
        0x676f_02d9,
        0x8d2a_4c8a,
    ],
    [
        0xfffa_3942,
        0x8771_f681,
        0x6d9d_6122,
        0xfde5_380c,
        0xa4be_ea44,
        0x4bde_cfa9,
        0xf6bb_4b60,
        0xbebf_bc70,
        0x289b_7ec6,
        0xeaa1_27fa,
        0xd4ef_3085,
        0x0488_1d05,
        0xd9d4_d039,
        0xe6db_99e5,
        0x1fa2_7cf8,
        0xc4ac_5665,
    ],
    [
        0xf429_2244,
        0x432a_ff97,
        0xab94_23a7,
        0xfc93_a039,
        0x655b_59c3,
        0x8f0c_cc92,
        0xffef_f47d,
        0x8584_5dd1,
        0x6fa8_7e4f,
        0xfe2c_e6e0,
        0xa301_4314,
        0x4e08_11a1,
        0xf753_7e82,
        0xbd3a_f235,
        0x2ad7_d2bb,
        0xeb86_d391,
    ],
];

/// Returns the digest of each input.
pub(crate) fn digest_all(inputs: &[&[u8]]) -> Vec<[u8; 16]> {
    let mut digests = Vec::with_capacity(inputs.len());
    for group in inputs.chunks(LANES) {
        digests.extend(&digest_group(group)[..group.len()]);
    }
    digests
}

/// Digests up to `LANES` inputs. A lane whose input is over goes on, and keeps what it had.
fn digest_group(group: &[&[u8]]) -> [[u8; 16]; LANES] {
    let inputs: [Input<'_>; LANES] =
        array::from_fn(|lane| Input::new(group.get(lane).copied().unwrap_or_default()));
    let counts = inputs.each_ref().map(Input::blocks);
    let mut state = START.map(|word| [word; LANES]);
    for at in 0..counts.into_iter().max().unwrap_or(0) {
        let blocks = inputs.each_ref().map(|input| input.block(at));
        let before = state;
        compress(&mut state, &words(blocks));
        for (now, before) in state.iter_mut().zip(before) {
            let is_over = |lane: usize| counts[lane] <= at;
            *now = array::from_fn(|lane| {
                if is_over(lane) {
                    before[lane]
                } else {
                    now[lane]
                }
            });
        }
    }
    array::from_fn(|lane| {
        let mut digest = [0; 16];
        let (chunks, _) = digest.as_chunks_mut();
        for (chunk, word) in chunks.iter_mut().zip(state) {
            *chunk = word[lane].to_le_bytes();
        }
        digest
    })
}

/// Is an input in blocks: those that it fills, and one or two for the rest and its length.
struct Input<'a> {
    full: &'a [[u8; BLOCK_BYTES]],
    last: [[u8; BLOCK_BYTES]; 2],
    last_count: usize,
}

impl<'a> Input<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let (full, rest) = bytes.as_chunks();
        let last_count = (rest.len() + LENGTH_BYTES) / BLOCK_BYTES + 1;
        let mut last = [[0; BLOCK_BYTES]; 2];
        let flat = &mut last.as_flattened_mut()[..last_count * BLOCK_BYTES];
        flat[..rest.len()].copy_from_slice(rest);
        flat[rest.len()] = 0x80;
        if let Some(length) = flat.last_chunk_mut() {
            *length = (8 * bytes.len() as u64).to_le_bytes();
        }
        Self {
            full,
            last,
            last_count,
        }
    }

    const fn blocks(&self) -> usize {
        self.full.len() + self.last_count
    }

    /// Returns the block at `at`; behind the last it may be any.
    fn block(&self, at: usize) -> &[u8; BLOCK_BYTES] {
        match at.checked_sub(self.full.len()) {
            None => &self.full[at],
            Some(at) => &self.last[at.min(1)],
        }
    }
}

/// Returns the words of `blocks`, those at the same place together.
fn words(blocks: [&[u8; BLOCK_BYTES]; LANES]) -> [Lanes; 16] {
    let blocks = blocks.map(|block| {
        let (words, _) = block.as_chunks();
        words
    });
    array::from_fn(|word| array::from_fn(|lane| u32::from_le_bytes(blocks[lane][word])))
}

fn compress(state: &mut [Lanes; 4], words: &[Lanes; 16]) {
    let before = *state;
    let [one, two, three, four] = &SINES;
    round::<7, 12, 17, 22>(state, words, one, |step| step, |x, y, z| z ^ (x & (y ^ z)));
    round::<5, 9, 14, 20>(
        state,
        words,
        two,
        |step| (5 * step + 1) % 16,
        |x, y, z| y ^ (z & (x ^ y)),
    );
    round::<4, 11, 16, 23>(
        state,
        words,
        three,
        |step| (3 * step + 5) % 16,
        |x, y, z| x ^ y ^ z,
    );
    round::<6, 10, 15, 21>(
        state,
        words,
        four,
        |step| 7 * step % 16,
        |x, y, z| y ^ (x | !z),
    );
    for (now, before) in state.iter_mut().zip(before) {
        *now = array::from_fn(|lane| now[lane].wrapping_add(before[lane]));
    }
}

#[inline(always)]
fn round<const A: u32, const B: u32, const C: u32, const D: u32>(
    state: &mut [Lanes; 4],
    words: &[Lanes; 16],
    sines: &[u32; 16],
    order: impl Fn(usize) -> usize,
    mix: impl Fn(u32, u32, u32) -> u32,
) {
    let [mut a, mut b, mut c, mut d] = *state;
    for at in [0, 4, 8, 12] {
        let with = |step: usize| (&words[order(at + step)], sines[at + step]);
        a = turn::<A>(a, [&b, &c, &d], with(0), &mix);
        d = turn::<B>(d, [&a, &b, &c], with(1), &mix);
        c = turn::<C>(c, [&d, &a, &b], with(2), &mix);
        b = turn::<D>(b, [&c, &d, &a], with(3), &mix);
    }
    *state = [a, b, c, d];
}

#[inline(always)]
fn turn<const LEFT: u32>(
    a: Lanes,
    [x, y, z]: [&Lanes; 3],
    (word, sine): (&Lanes, u32),
    mix: impl Fn(u32, u32, u32) -> u32,
) -> Lanes {
    array::from_fn(|lane| {
        let sum = a[lane]
            .wrapping_add(mix(x[lane], y[lane], z[lane]))
            .wrapping_add(word[lane])
            .wrapping_add(sine);
        sum.rotate_left(LEFT).wrapping_add(x[lane])
    })
}

#[cfg(test)]
mod tests {
    use md5::{Digest, Md5};
    use proptest::{
        collection::vec,
        prelude::{ProptestConfig, any, prop_assert_eq, proptest},
    };

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn inputs_of_any_lengths_are_digested_as_each_alone(
            inputs in vec(vec(any::<u8>(), 0..300), 0..12),
        ) {
            let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
            let alone = inputs.iter().map(|input| Md5::digest(input).into());
            prop_assert_eq!(digest_all(&inputs), alone.collect::<Vec<[u8; 16]>>());
        }
    }

    #[test]
    fn every_length_is_padded_as_it_must_be() {
        let bytes = [7; 200];
        for length in 0..bytes.len() {
            let alone: [u8; 16] = Md5::digest(&bytes[..length]).into();
            assert_eq!(digest_all(&[&bytes[..length]]), [alone], "{length}");
        }
    }
}
