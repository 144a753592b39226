//! numpy's legacy generator, as far as published splits were drawn with it: `numpy.random.seed(n)`, then `shuffle`.
//!
//! MT19937 (Matsumoto and Nishimura 1998) with the seeding of its authors' 2002 version. A shuffle goes from the last item to the second and
//! swaps each with one drawn among those up to it: the smallest mask of ones that covers the range, drawn again while the number is above.

/// Words of state.
const N: usize = 624;
const M: usize = 397;

/// The generator.
pub(super) struct Mt19937 {
    state: [u32; N],
    next: usize,
}

impl Mt19937 {
    /// `numpy.random.seed(seed)`.
    pub(super) fn new(seed: u32) -> Self {
        let mut state = [seed; N];
        for word in 1..N {
            let before = state[word - 1];
            state[word] = 1_812_433_253u32.wrapping_mul(before ^ (before >> 30)).wrapping_add(word as u32);
        }
        Self { state, next: N }
    }

    /// The next 32 bits.
    pub(super) fn next_u32(&mut self) -> u32 {
        if self.next == N {
            self.twist();
        }
        let mut bits = self.state[self.next];
        self.next += 1;
        bits ^= bits >> 11;
        bits ^= (bits << 7) & 0x9d2c_5680;
        bits ^= (bits << 15) & 0xefc6_0000;
        bits ^ (bits >> 18)
    }

    /// `numpy.random.shuffle(items)`.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let other = self.up_to(u32::try_from(last).expect("lists have fewer items than 2^32"));
            items.swap(last, other as usize);
        }
    }

    /// Uniform among `0..=most`, for `most` above 0.
    fn up_to(&mut self, most: u32) -> u32 {
        let mask = u32::MAX >> most.leading_zeros();
        loop {
            let drawn = self.next_u32() & mask;
            if drawn <= most {
                return drawn;
            }
        }
    }

    fn twist(&mut self) {
        for word in 0..N {
            let joined = (self.state[word] & 0x8000_0000) | (self.state[(word + 1) % N] & 0x7fff_ffff);
            let odd = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[word] = self.state[(word + M) % N] ^ (joined >> 1) ^ odd;
        }
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// numpy 2.4.6: `RandomState(10).randint(0, 2**32, 5, dtype=uint32)`.
    #[test]
    fn numpy_draws_the_same_bits() {
        let mut generator = Mt19937::new(10);
        let drawn: Vec<u32> = (0..5).map(|_| generator.next_u32()).collect();
        assert_eq!(drawn, [3312796937, 1283169405, 89128932, 2124247567, 2721498432]);
    }

    /// numpy 2.4.6: `seed(10); shuffle(list(range(1240)))`, the SHA-256 of the numbers joined by commas; and another seed and length.
    #[test]
    fn numpy_shuffles_the_same_way() {
        let mut items: Vec<usize> = (0..1240).collect();
        Mt19937::new(10).shuffle(&mut items);
        assert_eq!(items[..10], [123, 416, 326, 229, 307, 501, 74, 871, 898, 190]);
        assert_eq!(items[120..126], [329, 234, 267, 970, 559, 1105]);
        let joined = items.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let expected = "b8b391147318c4431e0521853dee8de1fdbeab6f98d7543714beba967362ca29";
        assert_eq!(files::hash_bytes(joined.as_bytes()).to_string(), expected);
        let mut items: Vec<usize> = (0..2000).collect();
        Mt19937::new(1_234_567).shuffle(&mut items);
        assert_eq!(
            (&items[..5], &items[1995..]),
            (&[625, 434, 1542, 1144, 1510][..], &[325, 326, 1652, 1663, 403][..])
        );
    }
}
