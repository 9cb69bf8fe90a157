//! Prefix codes: code lengths from the counts of symbols, and codes from lengths. The meaning of
//! the symbols is not used.

/// The code of a symbol, with its first bit lowest, and its length. The length 0 means no code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Code {
    pub(crate) bits: u16,
    pub(crate) length: u8,
}

/// Returns the code length of each symbol from its count: at most `limit`, and 0 for a count of 0.
///
/// The lengths are those of a Huffman code, which are optimal, unless they exceed the limit. In
/// this case, the counts are halved until the lengths fit. `limit` must allow a code for each
/// symbol.
pub(crate) fn lengths(counts: &[u32], limit: u8) -> Vec<u8> {
    let mut leaves: Vec<(u32, usize)> = counts.iter().copied().zip(0..).collect();
    leaves.retain(|&(count, _)| count > 0);
    leaves.sort_unstable();
    let mut lengths = vec![0; counts.len()];
    if let [(_, only)] = leaves[..] {
        // RFC 1951 §3.2.7: a single symbol has one bit, not none.
        lengths[only] = 1;
        return lengths;
    }
    let depths = loop {
        let depths = depths(leaves.iter().map(|leaf| leaf.0).collect());
        // The first leaf has the lowest count, so it is the deepest.
        if depths.first().map_or(true, |&deepest| deepest <= limit) {
            break depths;
        }
        // The order does not change, and no count becomes 0. If all counts are 1, the codes have
        // almost equal lengths.
        leaves.iter_mut().for_each(|leaf| leaf.0 -= leaf.0 / 2);
    };
    for (&(_, symbol), depth) in leaves.iter().zip(depths) {
        lengths[symbol] = depth;
    }
    lengths
}

/// Returns the depth of each node in a Huffman tree. The weights are those of the leaves, lightest
/// first; the inner nodes follow the leaves in the result.
///
/// Each step joins the two lightest nodes. The inner nodes are created in order of weight. The
/// lightest node is therefore always the next leaf or the next inner node.
fn depths(mut weights: Vec<u32>) -> Vec<u8> {
    let leaves = weights.len();
    let nodes = (2 * leaves).saturating_sub(1);
    let mut parents = vec![0; nodes];
    let (mut leaf, mut inner) = (0, leaves);
    for node in leaves..nodes {
        let mut weight = 0;
        for _ in 0..2 {
            let is_leaf = leaf < leaves && (inner == node || weights[leaf] <= weights[inner]);
            let next = if is_leaf { &mut leaf } else { &mut inner };
            weight += weights[*next];
            parents[*next] = node;
            *next += 1;
        }
        weights.push(weight);
    }
    let mut depths = vec![0; nodes];
    for node in (0..nodes.saturating_sub(1)).rev() {
        depths[node] = depths[parents[node]] + 1;
    }
    depths
}

/// Returns the codes for the lengths (RFC 1951 §3.2.2): shorter codes first, and codes of one
/// length in the order of their symbols.
pub(crate) fn codes(lengths: &[u8]) -> Vec<Code> {
    let mut counts = [0; 16];
    for &length in lengths {
        counts[usize::from(length)] += u16::from(length > 0);
    }
    let mut next = [0; 16];
    for length in 1..next.len() {
        next[length] = (next[length - 1] + counts[length - 1]) << 1;
    }
    let code = |&length: &u8| {
        if length == 0 {
            return Code::default();
        }
        let next = &mut next[usize::from(length)];
        let bits = next.reverse_bits() >> (16 - length);
        *next += 1;
        Code { bits, length }
    };
    lengths.iter().map(code).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(counts: &[u32], lengths: &[u8]) -> u32 {
        let pairs = counts.iter().zip(lengths);
        pairs
            .map(|(&count, &length)| count * u32::from(length))
            .sum()
    }

    /// Returns the part of 2^15 that the codes use.
    fn space(lengths: &[u8]) -> u32 {
        let used = lengths.iter().filter(|&&length| length > 0);
        used.map(|&length| 1 << (15 - length)).sum()
    }

    /// Returns the cost of an optimal code. Each join adds one bit to all symbols below.
    fn least(counts: &[u32]) -> u32 {
        let mut left: Vec<u32> = counts.iter().copied().filter(|&count| count > 0).collect();
        let mut cost = 0;
        while left.len() > 1 {
            left.sort_unstable_by(|one, other| other.cmp(one));
            let both = left.pop().unwrap() + left.pop().unwrap();
            left.push(both);
            cost += both;
        }
        cost
    }

    #[test]
    fn the_code_is_optimal() {
        let mut state = 1u32;
        for round in 0..300 {
            let mut counts = [0; 286];
            let used = 2 + round % 285;
            for count in &mut counts[..used] {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *count = 1 + (state >> 20) % [2, 20, 8_000 / used as u32][round % 3];
            }
            let lengths = lengths(&counts, 15);
            assert_eq!(space(&lengths), 1 << 15, "round {round}");
            assert_eq!(cost(&counts, &lengths), least(&counts), "round {round}");
        }
    }

    #[test]
    fn the_length_limit_has_little_cost() {
        // Fibonacci counts: without a limit, a code has up to 18 bits.
        let mut counts = vec![1; 19];
        (2..19).for_each(|at| counts[at] = counts[at - 1] + counts[at - 2]);
        for (limit, more) in [(18, 0), (17, 1), (15, 1), (7, 20)] {
            let lengths = lengths(&counts, limit);
            assert!(lengths.iter().all(|length| (1..=limit).contains(length)));
            assert_eq!(
                space(&lengths.iter().map(|&l| l.min(15)).collect::<Vec<_>>()) >> 15,
                1
            );
            let (cost, least) = (cost(&counts, &lengths), least(&counts));
            assert!(
                cost * 1000 <= least * (1000 + more),
                "{limit}: {cost}, {least}"
            );
        }
    }

    #[test]
    fn zero_one_and_two_symbols_have_lengths() {
        assert_eq!(lengths(&[0, 0, 0], 7), [0, 0, 0]);
        assert_eq!(lengths(&[0, 9, 0], 7), [0, 1, 0]);
        assert_eq!(lengths(&[1, 0, 900], 7), [1, 0, 1]);
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 1951 §3.2.2: A to H.
        let codes = codes(&[3, 3, 3, 3, 3, 2, 4, 4]);
        let code = |code: &Code| {
            let bits = (0..code.length).map(|bit| code.bits >> bit & 1);
            bits.fold(String::new(), |text, bit| format!("{text}{bit}"))
        };
        let all: Vec<String> = codes.iter().map(code).collect();
        assert_eq!(
            all,
            ["010", "011", "100", "101", "110", "00", "1110", "1111"]
        );
    }
}
