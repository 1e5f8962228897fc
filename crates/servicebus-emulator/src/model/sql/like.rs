//! Patterns: `%` stands for any characters, `_` for one.

/// A character of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Any,
    One,
    Exactly(char),
}

/// Says whether a text has the form of a pattern. After the escape character, the next stands
/// for itself.
///
/// It goes back to the last `%` alone, so that it takes at most the product of both lengths.
pub(super) fn is_like(text: &str, pattern: &str, escape: Option<char>) -> bool {
    let text = text.chars().collect::<Vec<_>>();
    let pieces = pieces(pattern, escape);
    let (mut place, mut piece) = (0, 0);
    let mut retry = None;
    while let Some(character) = text.get(place) {
        match pieces.get(piece) {
            Some(Piece::Any) => {
                piece += 1;
                retry = Some((place, piece));
            }
            Some(next) if *next == Piece::One || *next == Piece::Exactly(*character) => {
                place += 1;
                piece += 1;
            }
            _ => {
                let Some((from, after)) = retry else {
                    return false;
                };
                retry = Some((from + 1, after));
                (place, piece) = (from + 1, after);
            }
        }
    }
    let mut rest = pieces.into_iter().skip(piece);
    rest.all(|piece| piece == Piece::Any)
}

fn pieces(pattern: &str, escape: Option<char>) -> Vec<Piece> {
    let mut characters = pattern.chars();
    let mut pieces = Vec::new();
    while let Some(character) = characters.next() {
        pieces.push(match character {
            it if Some(it) == escape => Piece::Exactly(characters.next().unwrap_or(it)),
            '%' => Piece::Any,
            '_' => Piece::One,
            it => Piece::Exactly(it),
        });
    }
    pieces
}
