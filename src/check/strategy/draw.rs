//! The source of random numbers of a schedule: SplitMix64 (Steele, Lea and
//! Flood, OOPSLA 2014), one stream for each number of a schedule, so that a
//! schedule depends on the seed and its number and not on those before it.

pub struct Draw {
    state: u64,
}

fn mixed(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Draw {
    pub fn of(seed: u64, schedule: u64) -> Draw {
        Draw {
            state: mixed(
                mixed(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)) ^ schedule.wrapping_mul(0xd129_0d3d_95d9_5e25),
            ),
        }
    }

    #[inline]
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.state)
    }

    /// A number below `count`, which is not 0; by multiplication, whose bias is
    /// below one in 2^32 for counts of this size.
    #[inline]
    pub fn below(&mut self, count: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(count)) >> 64) as u64
    }
}
