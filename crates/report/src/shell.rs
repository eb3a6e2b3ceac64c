//! Arguments of commands that a reader copies.

/// An argument as a POSIX shell reads it: plain where it can be, otherwise in single quotes.
pub fn quoted(argument: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || "-_./:,@%+=~".contains(letter);
    if !argument.is_empty() && !argument.starts_with('~') && argument.chars().all(is_plain) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_shell_would_change_is_quoted() {
        assert_eq!(quoted("hf:Xenova/resnet-18@main"), "hf:Xenova/resnet-18@main");
        assert_eq!(quoted("my photos"), "'my photos'");
        assert_eq!(quoted("it's $HOME"), r"'it'\''s $HOME'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("~"), "'~'");
    }
}
