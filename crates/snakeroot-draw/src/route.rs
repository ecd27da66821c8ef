//! The line of each edge: smooth, downwards all the way, past every box.
//!
//! In each row that an edge passes there is a door, between the box or label on
//! its left and the one on its right. The line is the shortest way through the
//! doors, rounded by monotone cubics (Fritsch and Carlson 1980): between two
//! heights such a curve stays between its ends, so it stays inside the doors.

/// A point of the picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f32,
    pub(crate) y: f32,
}

/// A cubic: two control points and its end; it starts where the one before ends.
pub(crate) type Cubic = [Point; 3];

/// A line of cubics from the referrer's box to the referent's.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Curve {
    pub(crate) start: Point,
    pub(crate) cubics: Vec<Cubic>,
}

/// At this height, the line passes between these two.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door {
    pub(crate) y: f32,
    pub(crate) left: f32,
    pub(crate) right: f32,
}

/// The steepest sideways that a line may leave or reach a box, in units right
/// per unit down. Flatter ones would hide their arrowheads along the border.
const MAX_END_SLOPE: f32 = 0.9;
/// An end's slope, of that of the straight line there.
const END_SLOPE: f32 = 0.45;

/// Rounds of making bends softer.
const RELAX_ROUNDS: usize = 24;
/// How much a line wants to leave and reach boxes vertically, against its other bends.
const END_STIFFNESS: f32 = 0.1;

#[cfg(test)]
fn through(doors: &[Door]) -> Curve {
    curve(&points(doors), doors)
}

/// A point in each door, so that the line bends little.
///
/// Each door lies below the one before; the first and the last are points: the
/// ends.
pub(crate) fn points(doors: &[Door]) -> Vec<Point> {
    let mut points = shortest(doors);
    relax(&mut points, doors);
    points
}

/// The smooth line through a point in each door.
pub(crate) fn curve(points: &[Point], doors: &[Door]) -> Curve {
    let points = needed(points, doors);
    let slopes = slopes(&points);
    let mut curve = Curve { start: points[0], cubics: Vec::with_capacity(points.len()) };
    for (pair, slope) in points.windows(2).zip(slopes.windows(2)) {
        let third = (pair[1].y - pair[0].y) / 3.0;
        curve.cubics.push([
            Point { x: pair[0].x + slope[0] * third, y: pair[0].y + third },
            Point { x: pair[1].x - slope[1] * third, y: pair[1].y - third },
            pair[1],
        ]);
    }
    curve
}

/// A point in each door, on the shortest line through all of them.
fn shortest(doors: &[Door]) -> Vec<Point> {
    let mut points = vec![Point { x: doors[0].left, y: doors[0].y }];
    while points.len() < doors.len() {
        let from = points[points.len() - 1];
        let first = points.len();
        // The slopes that pass all doors so far, and the doors that limit them.
        let (mut low, mut low_at) = (f32::NEG_INFINITY, first);
        let (mut high, mut high_at) = (f32::INFINITY, first);
        let mut end = None;
        for (at, door) in doors.iter().enumerate().skip(first) {
            let down = door.y - from.y;
            let (left, right) = ((door.left - from.x) / down, (door.right - from.x) / down);
            if left > high {
                end = Some((high_at, high));
                break;
            }
            if right < low {
                end = Some((low_at, low));
                break;
            }
            if left >= low {
                (low, low_at) = (left, at);
            }
            if right <= high {
                (high, high_at) = (right, at);
            }
        }
        // The last door is a point, so that it alone fixes the slope.
        let (at, slope) = end.unwrap_or((doors.len() - 1, low));
        for door in &doors[first..=at] {
            let x = (from.x + slope * (door.y - from.y)).clamp(door.left, door.right);
            points.push(Point { x, y: door.y });
        }
    }
    points
}

/// Moves the points inside their doors so that the line bends less sharply.
///
/// The shortest way turns at corners only, and there at once. Each point in turn
/// goes where the changes of slope around it are least, as a thin rod would.
fn relax(points: &mut [Point], doors: &[Door]) {
    let last = points.len() - 1;
    let height = |points: &[Point], at: usize| points[at + 1].y - points[at].y;
    let slope =
        |points: &[Point], at: usize| (points[at + 1].x - points[at].x) / height(points, at);
    for _ in 0..RELAX_ROUNDS {
        for at in 1..last {
            let (above, below) = (1.0 / height(points, at - 1), 1.0 / height(points, at));
            let (mut pull, mut stiffness) = (0.0, 0.0);
            let mut bend = |weight: f32, change: f32, share: f32| {
                pull += weight * change * share;
                stiffness += weight * share * share;
            };
            let (before, after) = (slope(points, at - 1), slope(points, at));
            let weight = |one: usize| 1.0 / (points[one + 1].y - points[one - 1].y);
            if at == 1 {
                bend(END_STIFFNESS * above, before, above);
            } else {
                bend(weight(at - 1), before - slope(points, at - 2), above);
            }
            bend(weight(at), after - before, -above - below);
            if at + 1 == last {
                bend(END_STIFFNESS * below, after, -below);
            } else {
                bend(weight(at + 1), slope(points, at + 1) - after, below);
            }
            points[at].x = (points[at].x - pull / stiffness).clamp(doors[at].left, doors[at].right);
        }
    }
}

/// The points without those that the doors can do without.
///
/// The curve between two points stays between them, so no point is needed where
/// both fit through every door from the one to the other. Fewer points make
/// longer and calmer curves.
fn needed(points: &[Point], doors: &[Door]) -> Vec<Point> {
    let mut kept = vec![points[0]];
    // The doors since the last point kept, as one.
    let (mut left, mut right) = (f32::NEG_INFINITY, f32::INFINITY);
    for at in 1..points.len() - 1 {
        let from = kept[kept.len() - 1].x;
        let to = points[at + 1].x;
        let (low, high) = (left.max(doors[at].left), right.min(doors[at].right));
        if from.min(to) >= low && from.max(to) <= high {
            (left, right) = (low, high);
        } else {
            kept.push(points[at]);
            (left, right) = (f32::NEG_INFINITY, f32::INFINITY);
        }
    }
    kept.push(points[points.len() - 1]);
    kept
}

/// The slope at each point: none where the line turns back, and never so steep
/// that the curve would leave the range of its two ends.
fn slopes(points: &[Point]) -> Vec<f32> {
    let secants: Vec<f32> =
        points.windows(2).map(|pair| (pair[1].x - pair[0].x) / (pair[1].y - pair[0].y)).collect();
    let end = |secant: f32| {
        let limit = MAX_END_SLOPE.min(secant.abs());
        (secant * END_SLOPE).clamp(-limit, limit)
    };
    let mut slopes = vec![end(secants[0])];
    for at in 1..secants.len() {
        let (before, after) = (secants[at - 1], secants[at]);
        slopes.push(if before * after <= 0.0 {
            0.0
        } else {
            let above = points[at].y - points[at - 1].y;
            let below = points[at + 1].y - points[at].y;
            let (w1, w2) = (2.0 * below + above, below + 2.0 * above);
            (w1 + w2) / (w1 / before + w2 / after)
        });
    }
    slopes.push(end(secants[secants.len() - 1]));
    slopes
}

impl Curve {
    /// The same line from its other end.
    pub(crate) fn reversed(&self) -> Self {
        let mut cubics = Vec::with_capacity(self.cubics.len());
        for (at, cubic) in self.cubics.iter().enumerate().rev() {
            cubics.push([cubic[1], cubic[0], self.from(at)]);
        }
        Self { start: self.end(), cubics }
    }

    /// Where the cubic at a place starts.
    fn from(&self, at: usize) -> Point {
        if at == 0 { self.start } else { self.cubics[at - 1][2] }
    }

    /// Where the line ends.
    pub(crate) fn end(&self) -> Point {
        self.from(self.cubics.len())
    }

    /// The line without its last `length` units, so that it ends where its
    /// arrowhead begins.
    pub(crate) fn shortened(&self, length: f32) -> Self {
        let tip = self.end();
        let apart = |point: Point| (point.x - tip.x).hypot(point.y - tip.y);
        let mut line = self.clone();
        while let Some(cubic) = line.cubics.pop() {
            let from = line.end();
            if apart(from) < length && !line.cubics.is_empty() {
                continue;
            }
            // The distance to the tip falls along the cubic: halve the range.
            let (mut low, mut high) = (0.0, 1.0);
            for _ in 0..20 {
                let middle = (low + high) / 2.0;
                if apart(at(from, &cubic, middle)) > length { low = middle } else { high = middle }
            }
            line.cubics.push(first_part(from, &cubic, low));
            break;
        }
        line
    }

    /// Points along the line, `count` to each cubic.
    #[cfg(test)]
    pub(crate) fn points(&self, count: usize) -> Vec<Point> {
        let mut points = vec![self.start];
        for (place, cubic) in self.cubics.iter().enumerate() {
            for step in 1..=count {
                points.push(at(self.from(place), cubic, step as f32 / count as f32));
            }
        }
        points
    }

    pub(crate) fn shift(&mut self, x: f32, y: f32) {
        let points = std::iter::once(&mut self.start).chain(self.cubics.iter_mut().flatten());
        for point in points {
            point.x += x;
            point.y += y;
        }
    }
}

fn between(one: Point, other: Point, part: f32) -> Point {
    Point { x: one.x + (other.x - one.x) * part, y: one.y + (other.y - one.y) * part }
}

/// The cubic up to a parameter (de Casteljau).
fn first_part(from: Point, cubic: &Cubic, part: f32) -> Cubic {
    let a = between(from, cubic[0], part);
    let b = between(cubic[0], cubic[1], part);
    let c = between(cubic[1], cubic[2], part);
    let ab = between(a, b, part);
    let bc = between(b, c, part);
    [a, ab, between(ab, bc, part)]
}

fn at(from: Point, cubic: &Cubic, part: f32) -> Point {
    first_part(from, cubic, part)[2]
}

/// A loop at the right side of a box, from above its middle to below it.
pub(crate) fn self_loop(right: f32, middle: f32, half_height: f32, reach: f32) -> Curve {
    // A cubic reaches three quarters as far as its control points.
    let control = right + reach / 0.75;
    Curve {
        start: Point { x: right, y: middle - half_height },
        cubics: vec![[
            Point { x: control, y: middle - half_height * 1.3 },
            Point { x: control, y: middle + half_height * 1.3 },
            Point { x: right, y: middle + half_height },
        ]],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn door(y: f32, left: f32, right: f32) -> Door {
        Door { y, left, right }
    }

    #[test]
    fn a_free_way_is_straight() {
        let points = shortest(&[door(0.0, 0.0, 0.0), door(5.0, -9.0, 9.0), door(10.0, 4.0, 4.0)]);
        assert_eq!(points[1], Point { x: 2.0, y: 5.0 });
    }

    #[test]
    fn a_box_in_the_way_is_passed_at_its_corner() {
        // The doors leave x >= 6 only, between heights 4 and 6.
        let points = shortest(&[
            door(0.0, 0.0, 0.0),
            door(4.0, 6.0, 9.0),
            door(6.0, 6.0, 9.0),
            door(10.0, 0.0, 0.0),
        ]);
        assert_eq!(points.iter().map(|point| point.x).collect::<Vec<_>>(), [0.0, 6.0, 6.0, 0.0]);
    }

    #[test]
    fn a_line_turned_round_is_the_same_line() {
        let curve = through(&[door(0.0, 0.0, 0.0), door(5.0, 7.0, 9.0), door(10.0, 1.0, 1.0)]);
        assert_eq!(curve.reversed().reversed(), curve);
        assert_eq!(curve.reversed().end(), curve.start);
    }

    #[test]
    fn a_shortened_line_ends_that_much_before_its_end() {
        let curve = through(&[door(0.0, 0.0, 0.0), door(30.0, 40.0, 40.0)]);
        let tip = curve.end();
        let end = curve.shortened(8.0).end();
        assert!(((end.x - tip.x).hypot(end.y - tip.y) - 8.0).abs() < 0.1);
    }
}
