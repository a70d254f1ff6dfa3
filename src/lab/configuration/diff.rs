//! A unified diff of two texts, with three lines around each change.

/// Lines shown around a change.
const AROUND: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Both,
    Old,
    New,
}

/// The hunks of a unified diff, without the header; empty for equal texts.
pub(super) fn unified(old: &str, new: &str) -> String {
    let script = script(&old.lines().collect::<Vec<_>>(), &new.lines().collect::<Vec<_>>());
    let shown: Vec<bool> = (0..script.len())
        .map(|at| {
            let near = at.saturating_sub(AROUND)..script.len().min(at + AROUND + 1);
            script.get(near).is_some_and(|near| near.iter().any(|(side, _)| *side != Side::Both))
        })
        .collect();
    let mut text = String::new();
    let (mut old_line, mut new_line) = (1, 1);
    let mut hunk = Hunk::default();
    for ((side, line), shown) in script.iter().zip(shown) {
        if shown {
            hunk.push(*side, line, (old_line, new_line));
        } else {
            text.push_str(&std::mem::take(&mut hunk).print());
        }
        old_line += usize::from(*side != Side::New);
        new_line += usize::from(*side != Side::Old);
    }
    text + &hunk.print()
}

#[derive(Debug, Default)]
struct Hunk {
    start: Option<(usize, usize)>,
    old: usize,
    new: usize,
    body: String,
}

impl Hunk {
    fn push(&mut self, side: Side, line: &str, at: (usize, usize)) {
        self.start.get_or_insert(at);
        self.old += usize::from(side != Side::New);
        self.new += usize::from(side != Side::Old);
        self.body.push(match side {
            Side::Both => ' ',
            Side::Old => '-',
            Side::New => '+',
        });
        self.body.push_str(line);
        self.body.push('\n');
    }

    fn print(self) -> String {
        match self.start {
            Some((old, new)) => {
                format!("@@ -{old},{} +{new},{} @@\n{}", self.old, self.new, self.body)
            }
            None => String::new(),
        }
    }
}

/// The longest common subsequence, as what stands on which side.
fn script<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<(Side, &'t str)> {
    let width = new.len() + 1;
    let mut lengths = vec![0_usize; width * (old.len() + 1)];
    let at = |lengths: &[usize], row: usize, column: usize| {
        lengths.get(row * width + column).copied().unwrap_or(0)
    };
    for (row, left) in old.iter().enumerate().rev() {
        for (column, right) in new.iter().enumerate().rev() {
            let length = if left == right {
                at(&lengths, row + 1, column + 1) + 1
            } else {
                at(&lengths, row + 1, column).max(at(&lengths, row, column + 1))
            };
            if let Some(cell) = lengths.get_mut(row * width + column) {
                *cell = length;
            }
        }
    }
    let (mut row, mut column) = (0, 0);
    let mut script = Vec::new();
    loop {
        match (old.get(row), new.get(column)) {
            (Some(left), Some(right)) if left == right => {
                script.push((Side::Both, *left));
                row += 1;
                column += 1;
            }
            (Some(left), right)
                if right.is_none()
                    || at(&lengths, row + 1, column) >= at(&lengths, row, column + 1) =>
            {
                script.push((Side::Old, *left));
                row += 1;
            }
            (_, Some(right)) => {
                script.push((Side::New, *right));
                column += 1;
            }
            _ => return script,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_stand_in_hunks_with_three_lines_around() {
        let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        assert_eq!(unified(old, old), "");
        assert_eq!(
            unified(old, &old.replace('5', "five")),
            "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
        );
        assert_eq!(unified("a\n", "a\nb\n"), "@@ -1,1 +1,2 @@\n a\n+b\n");
        assert_eq!(unified("a\nb\n", "b\n"), "@@ -1,2 +1,1 @@\n-a\n b\n");
    }
}
