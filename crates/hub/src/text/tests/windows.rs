//! Sentences of words: where each word's tokens are, and that no word is lost.

use super::super::words::cut;
use super::*;

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[test]
fn every_word_is_found_among_the_tokens() {
    let windows = processor(&[("tokenizer.json", tokenizer())])
        .windows(&words("a x b"))
        .unwrap();
    assert_eq!(windows.len(), 1);
    assert_eq!(windows[0].sequence.ids, [2, 4, 1, 5, 3]);
    assert_eq!(windows[0].words, [(0, 1..2), (1, 2..3), (2, 3..4)]);
}

#[test]
fn a_word_that_holds_spaces_or_nothing_is_still_one_word() {
    let processor = processor(&[("tokenizer.json", tokenizer())]);
    let windows = processor
        .windows(&["a b".to_owned(), String::new(), "c".to_owned()])
        .unwrap();
    assert_eq!(windows[0].sequence.ids, [2, 4, 5, 1, 6, 3]);
    assert_eq!(windows[0].words, [(0, 1..3), (1, 3..4), (2, 4..5)]);
}

#[test]
fn long_sentences_become_windows_that_lose_no_word() {
    let config = ("tokenizer_config.json", json!({"model_max_length": 10}));
    let processor = processor(&[("tokenizer.json", tokenizer()), config]);
    let sentence = words(&"a b c d ".repeat(9).trim().replace("  ", " "));
    let windows = processor.windows(&sentence).unwrap();
    assert!(windows.len() > 1);
    let plain = [4, 5, 6, 7];
    let mut seen = Vec::new();
    for window in &windows {
        let ids = &window.sequence.ids;
        assert!(ids.len() <= 10 && ids[0] == 2 && ids[ids.len() - 1] == 3);
        for (word, place) in &window.words {
            assert_eq!(ids[place.clone()], [plain[word % 4]]);
            seen.push(*word);
        }
    }
    assert_eq!(seen, (0..36).collect::<Vec<_>>());
}

#[test]
fn windows_move_on_hold_every_word_once_and_keep_within_their_room() {
    let mut state = 7_u64;
    let mut next = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for _ in 0..2000 {
        let room = 1 + next(12) as usize;
        let lengths: Vec<usize> = (0..next(40)).map(|_| next(room as u64 + 1) as usize).collect();
        let windows = cut(&lengths, room);
        let taken: Vec<usize> = windows.iter().flat_map(|(_, taken)| taken.clone()).collect();
        assert_eq!(taken, (0..lengths.len()).collect::<Vec<_>>(), "{lengths:?} in {room}");
        for (seen, taken) in &windows {
            assert!(seen.clone().map(|word| lengths[word]).sum::<usize>() <= room);
            assert!(taken.is_empty() || (seen.start <= taken.start && taken.end <= seen.end));
        }
    }
}

#[test]
fn a_word_longer_than_a_window_keeps_its_first_tokens() {
    let config = ("tokenizer_config.json", json!({"model_max_length": 4}));
    let processor = processor(&[("tokenizer.json", tokenizer()), config]);
    let windows = processor.windows(&["a b c d".to_owned(), "d".to_owned()]).unwrap();
    assert_eq!(windows[0].sequence.ids, [2, 4, 5, 3]);
    assert_eq!(windows[0].sequence.dropped, 2);
    assert_eq!(windows[1].words, [(1, 1..2)]);
}

/// Byte pairs without merges: `Ġ` is a space.
fn byte_level() -> Value {
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
        "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
        "post_processor": null, "decoder": null,
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": {"Ġ": 0, "a": 1, "b": 2, "Ġa": 3}, "merges": ["Ġ a"]},
    })
}

#[test]
fn byte_level_words_are_tokenized_with_the_space_before_them() {
    let processor = processor(&[("tokenizer.json", byte_level())]);
    assert_eq!(processor.encode("ab a").unwrap().ids, [1, 2, 3]);
    let windows = processor.windows(&words("ab a")).unwrap();
    assert_eq!(windows[0].sequence.ids, [3, 2, 3]);
    assert_eq!(windows[0].words, [(0, 0..2), (1, 2..3)]);
    assert_eq!(processor.pairs(), Pairs::Apart);
}
