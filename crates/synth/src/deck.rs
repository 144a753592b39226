//! Dealing labels evenly: every block of `n` draws holds each of `n` values once, in random order.
//!
//! A class is then as frequent as any other, and present as soon as there are as many pieces as classes.

use draws::Draws;

/// Cards `0..n`, dealt without end.
pub(crate) struct Deck {
    n: usize,
    dealt: Vec<usize>,
    draws: Draws,
}

impl Deck {
    /// A deck of `n ≥ 1` cards, shuffled by `draws`.
    pub(crate) fn new(n: usize, draws: Draws) -> Self {
        Self { n, dealt: Vec::new(), draws }
    }

    /// The next card.
    pub(crate) fn deal(&mut self) -> usize {
        if self.dealt.is_empty() {
            self.dealt = self.draws.distinct(self.n, self.n);
        }
        self.dealt.pop().unwrap_or(0)
    }

    /// The next card that is not `taken`, unless there is no other.
    pub(crate) fn deal_other_than(&mut self, taken: usize) -> usize {
        let card = self.deal();
        if card == taken && self.n > 1 { self.deal_other_than(taken) } else { card }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_block_holds_every_card() {
        let mut deck = Deck::new(7, Draws::new(1, "deck", &[]));
        for _ in 0..20 {
            let mut block: Vec<usize> = (0..7).map(|_| deck.deal()).collect();
            block.sort_unstable();
            assert_eq!(block, (0..7).collect::<Vec<_>>());
        }
        let mut pair = Deck::new(2, Draws::new(2, "deck", &[]));
        assert!((0..50).all(|_| pair.deal_other_than(1) == 0));
        assert_eq!(Deck::new(1, Draws::new(3, "deck", &[])).deal_other_than(0), 0);
    }
}
