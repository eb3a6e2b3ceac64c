//! Places for the names of points: beside their point, and never on top of each other.

use super::coordinate;
use crate::html::text::shortened;

/// A name beside a point.
pub(crate) struct Label {
    pub x: String,
    pub y: String,
    /// `start`, `end` or `middle`.
    pub anchor: &'static str,
    pub text: String,
}

/// Room of a text: left, top, right, bottom.
type Room = [f64; 4];

const HEIGHT: f64 = 14.0;
/// Mean width of a letter; names vary, so labels keep a distance.
const LETTER: f64 = 7.0;

/// Finds places for names.
pub(crate) struct Placer {
    frame: Room,
    taken: Vec<Room>,
}

impl Placer {
    /// Names stay within `frame` and off the `points`.
    pub(crate) fn new(frame: Room, points: impl Iterator<Item = (f64, f64)>) -> Self {
        let taken = points.map(|(x, y)| [x - 4.0, y - 4.0, x + 4.0, y + 4.0]).collect();
        Self { frame, taken }
    }

    /// A name beside the point at `(x, y)`; `None` where there is no room.
    #[expect(clippy::cast_precision_loss, reason = "a short text")]
    pub(crate) fn place(&mut self, x: f64, y: f64, name: &str) -> Option<Label> {
        let text = shortened(name, 22);
        let width = text.chars().count() as f64 * LETTER;
        let candidates = [
            ("start", x + 7.0, y + 4.5),
            ("end", x - 7.0, y + 4.5),
            ("middle", x, y - 8.0),
            ("middle", x, y + 18.0),
            ("start", x + 6.0, y - 8.0),
            ("end", x - 6.0, y - 8.0),
            ("start", x + 6.0, y + 17.0),
            ("end", x - 6.0, y + 17.0),
        ];
        for (anchor, x, y) in candidates {
            let left = match anchor {
                "start" => x,
                "end" => x - width,
                _ => x - width / 2.0,
            };
            let room = [left, y - HEIGHT + 3.0, left + width, y + 3.0];
            let [low_x, low_y, high_x, high_y] = self.frame;
            let is_inside = room[0] >= low_x && room[1] >= low_y && room[2] <= high_x && room[3] <= high_y;
            if is_inside && !self.taken.iter().any(|other| overlap(&room, other)) {
                self.taken.push(room);
                return Some(Label {
                    x: coordinate(x),
                    y: coordinate(y),
                    anchor,
                    text,
                });
            }
        }
        None
    }
}

fn overlap(a: &Room, b: &Room) -> bool {
    a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_close_points_do_not_overlap_and_the_last_has_no_room() {
        let points: Vec<(f64, f64)> = (0..40).map(|i| (100.0 + f64::from(i), 100.0)).collect();
        let mut placer = Placer::new([0.0, 0.0, 300.0, 200.0], points.iter().copied());
        let placed: Vec<_> = points.iter().map(|&(x, y)| placer.place(x, y, "resnet")).collect();
        let names = &placer.taken[points.len()..];
        for (i, a) in names.iter().enumerate() {
            assert!(!names[..i].iter().any(|b| overlap(a, b)), "{names:?}");
        }
        assert!(placed.iter().any(Option::is_some) && placed.iter().any(Option::is_none));
    }
}
