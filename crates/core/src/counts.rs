//! Numbers of things in messages.

/// The number of things called `one`, whose plural takes an s: `1 file`, `2 files`, `0 files`.
pub fn counted(n: usize, one: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{n} {one}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_has_no_plural() {
        let counts = [0, 1, 2, 21].map(|n| counted(n, "sample"));
        assert_eq!(counts, ["0 samples", "1 sample", "2 samples", "21 samples"]);
    }
}
