//! Which addresses were seen: one bit for 16 bytes.
//!
//! Distinct objects lie at least 16 bytes apart, so the bit tells an object.
//! After the walk, how many bits stand before an object's is its number in
//! address order: no hash map, and the numbers come out sorted.

/// Memory is marked in pieces of this many bytes: smaller ones where each
/// thread has memory of its own, far from that of others.
const PIECE_BYTES: usize = if cfg!(Py_GIL_DISABLED) { 1 << 23 } else { 1 << 26 };
const PIECE_SHIFT: u32 = PIECE_BYTES.trailing_zeros();
/// 64-bit words of marks for one piece.
const PIECE_WORDS: usize = PIECE_BYTES / 16 / 64;
/// Objects that one piece has room for.
const PIECE_PLACES: u32 = (PIECE_BYTES / 16) as u32;
/// Bits of a place that tell where in its piece it is.
const PLACE_BITS: u32 = PIECE_PLACES.trailing_zeros();
/// Pieces in the address space that user programs have (47 bits).
const PIECES: usize = 1 << (47 - PIECE_SHIFT);
/// Pieces that a place can tell apart.
const MOST_PIECES: usize = 1 << (u32::BITS - PLACE_BITS);

/// An object by the piece it lies in and its place there: an address in 4 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Place(pub(crate) u32);

/// Marks for objects, and a second mark for those that are keys.
pub(crate) struct Marks {
    /// For each piece of the address space its number, from 1; 0 while untouched.
    numbers: Vec<u32>,
    /// The piece of the address space that each number stands for.
    pieces: Vec<usize>,
    seen: Vec<u64>,
    keyed: Vec<u64>,
    /// An address that could not be marked: beyond the address space, or in
    /// one piece too many.
    pub(crate) refused: Option<usize>,
}

impl Marks {
    pub(crate) fn new() -> Self {
        Self {
            numbers: vec![0; PIECES],
            pieces: Vec::new(),
            seen: Vec::new(),
            keyed: Vec::new(),
            refused: None,
        }
    }

    /// Marks an address; its place, and whether it was not marked before.
    #[inline(always)]
    pub(crate) fn mark(&mut self, address: usize) -> (Place, bool) {
        let (place, word, bit) = self.find(address);
        let marks = &mut self.seen[word];
        let new = *marks & bit == 0;
        *marks |= bit;
        (place, new)
    }

    /// Marks an address as seen and as a key; its place, and whether it was not
    /// marked before, as seen and as a key.
    #[inline(always)]
    pub(crate) fn mark_key(&mut self, address: usize) -> (Place, bool, bool) {
        let (place, word, bit) = self.find(address);
        let new = self.seen[word] & bit == 0;
        self.seen[word] |= bit;
        let new_key = self.keyed[word] & bit == 0;
        self.keyed[word] |= bit;
        (place, new, new_key)
    }

    /// The place of an address that was marked.
    #[inline(always)]
    pub(crate) fn place(&self, address: usize) -> Place {
        let number = self.numbers[address >> PIECE_SHIFT].max(1) - 1;
        Place(number << PLACE_BITS | (address >> 4) as u32 & (PIECE_PLACES - 1))
    }

    /// Takes a mark away.
    pub(crate) fn forget(&mut self, place: Place) {
        let within = place.0 & (PIECE_PLACES - 1);
        let word = (place.0 >> PLACE_BITS) as usize * PIECE_WORDS + (within >> 6) as usize;
        self.seen[word] &= !(1 << (within & 63));
    }

    /// Whether an address is marked.
    #[inline(always)]
    pub(crate) fn has(&self, address: usize) -> bool {
        match self.numbers.get(address >> PIECE_SHIFT) {
            Some(&number) if number != 0 => {
                let within = (address >> 4) as u32 & (PIECE_PLACES - 1);
                let word = (number - 1) as usize * PIECE_WORDS + (within >> 6) as usize;
                self.seen[word] & (1 << (within & 63)) != 0
            }
            _ => false,
        }
    }

    #[inline(always)]
    fn find(&mut self, address: usize) -> (Place, usize, u64) {
        let piece = address >> PIECE_SHIFT;
        let number = match self.numbers.get(piece) {
            Some(&number) if number != 0 => number - 1,
            _ => self.add_piece(piece, address),
        };
        let within = (address >> 4) as u32 & (PIECE_PLACES - 1);
        let word = number as usize * PIECE_WORDS + (within >> 6) as usize;
        (Place(number << PLACE_BITS | within), word, 1 << (within & 63))
    }

    #[cold]
    fn add_piece(&mut self, piece: usize, address: usize) -> u32 {
        if piece >= PIECES || self.pieces.len() == MOST_PIECES {
            // Marked somewhere harmless; the walk ends with an error.
            self.refused = Some(address);
            if self.pieces.is_empty() {
                self.grow(0);
            }
            return 0;
        }
        self.grow(piece);
        self.numbers[piece] = self.pieces.len() as u32;
        self.numbers[piece] - 1
    }

    fn grow(&mut self, piece: usize) {
        self.pieces.push(piece);
        let words = self.pieces.len() * PIECE_WORDS;
        self.seen.resize(words, 0);
        self.keyed.resize(words, 0);
    }

    /// Numbers what is marked, in address order.
    pub(crate) fn numbers(&self) -> Numbers<'_> {
        Numbers::new(&self.pieces, &self.seen)
    }

    /// Numbers the keys, in address order.
    pub(crate) fn key_numbers(&self) -> Numbers<'_> {
        Numbers::new(&self.pieces, &self.keyed)
    }
}

/// How many marks stand before each.
pub(crate) struct Numbers<'a> {
    marks: &'a [u64],
    /// For each word of marks, how many marks stand in lower addresses.
    before: Vec<u32>,
    count: u32,
}

impl<'a> Numbers<'a> {
    fn new(pieces: &[usize], marks: &'a [u64]) -> Self {
        let mut order: Vec<usize> = (0..pieces.len()).collect();
        order.sort_unstable_by_key(|&at| pieces[at]);
        let mut before = vec![0; marks.len()];
        let mut count = 0;
        for at in order {
            for word in at * PIECE_WORDS..(at + 1) * PIECE_WORDS {
                before[word] = count;
                count += marks[word].count_ones();
            }
        }
        Self { marks, before, count }
    }

    /// How many marks there are.
    pub(crate) fn count(&self) -> usize {
        self.count as usize
    }

    /// Whether a place is marked.
    #[inline(always)]
    pub(crate) fn has(&self, place: Place) -> bool {
        let word = (place.0 >> PLACE_BITS) as usize * PIECE_WORDS
            + ((place.0 & (PIECE_PLACES - 1)) >> 6) as usize;
        self.marks[word] & (1_u64 << (place.0 & 63)) != 0
    }

    /// The number of a marked place, in address order.
    #[inline(always)]
    pub(crate) fn of(&self, place: Place) -> u32 {
        let word = (place.0 >> PLACE_BITS) as usize * PIECE_WORDS
            + ((place.0 & (PIECE_PLACES - 1)) >> 6) as usize;
        let below = (1_u64 << (place.0 & 63)) - 1;
        self.before[word] + (self.marks[word] & below).count_ones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_addresses_whatever_the_order_of_marking() {
        let mut marks = Marks::new();
        let addresses =
            [0x7f00_0000_1230, 0x5500_0000_0010, 0x7f00_0000_1240, 0x5500_1000_0000, 0x20];
        let places: Vec<Place> = addresses
            .iter()
            .map(|&address| {
                let (place, new) = marks.mark(address);
                assert!(new);
                assert_eq!(marks.mark(address), (place, false));
                place
            })
            .collect();
        let numbers = marks.numbers();
        assert_eq!(numbers.count(), 5);
        let mut sorted = addresses;
        sorted.sort_unstable();
        for (address, place) in addresses.iter().zip(places) {
            assert_eq!(sorted[numbers.of(place) as usize], *address);
        }
    }

    #[test]
    fn a_mark_that_was_taken_away_is_not_numbered() {
        let mut marks = Marks::new();
        for address in [0x1000, 0x2000, 0x3000] {
            let (place, _) = marks.mark(address);
            assert_eq!(marks.place(address), place);
        }
        marks.forget(marks.place(0x2000));
        assert!(!marks.has(0x2000) && marks.has(0x3000));
        let numbers = marks.numbers();
        assert_eq!((numbers.count(), numbers.of(marks.place(0x3000))), (2, 1));
    }

    #[test]
    fn an_address_beyond_the_address_space_is_refused_by_name() {
        let mut marks = Marks::new();
        marks.mark(1 << 50);
        assert_eq!(marks.refused, Some(1 << 50));
    }

    #[test]
    fn a_key_is_numbered_among_keys_only() {
        let mut marks = Marks::new();
        let (_, _) = marks.mark(0x1000);
        let (place, new, new_key) = marks.mark_key(0x2000);
        assert!(new && new_key);
        assert_eq!(marks.mark_key(0x2000), (place, false, false));
        assert_eq!(marks.key_numbers().count(), 1);
        assert_eq!(marks.key_numbers().of(place), 0);
        assert_eq!(marks.numbers().of(place), 1);
    }
}
