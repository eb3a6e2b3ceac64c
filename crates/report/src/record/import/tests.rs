//! Tables as people have them.

use super::*;

fn import(text: &str, options: &ImportOptions) -> (Record, Vec<RecordNote>) {
    import_csv(text, options).unwrap()
}

fn kinds(notes: &[RecordNote]) -> Vec<(usize, RecordNoteKind)> {
    notes.iter().map(|note| (note.line, note.kind)).collect()
}

#[test]
fn percentages_and_shares_become_shares() {
    let text = "Dataset,Model,Accuracy\npets,a,92.5\npets,b,90\ncars,a,0.8\ncars,b,0.75\nfood,a,84%\nfood,b,0.9\n";
    let (record, notes) = import(text, &ImportOptions::default());
    let values: Vec<f64> = record.rows.iter().map(|row| row.value).collect();
    assert_eq!(notes, []);
    for (got, expected) in values.iter().zip([0.925, 0.9, 0.8, 0.75, 0.84, 0.9]) {
        assert!((got - expected).abs() < 1e-12, "{values:?}");
    }
}

#[test]
fn units_mixed_in_one_data_set_are_noted_line_by_line() {
    let (record, notes) = import(
        "dataset,model,accuracy\npets,a,92.5\npets,b,0.9\npets,c,1\n",
        &ImportOptions::default(),
    );
    assert_eq!(record.rows.len(), 2);
    assert_eq!(
        kinds(&notes),
        [
            (2, RecordNoteKind::MixedUnits),
            (3, RecordNoteKind::MixedUnits),
            (4, RecordNoteKind::Rejected)
        ]
    );
    assert!(notes[1].message.contains("0.9 is taken for a share"), "{}", notes[1]);
}

#[test]
fn repeated_and_contradicting_rows_are_named() {
    let (record, notes) = import(
        "dataset,model,accuracy\npets,a,0.9\npets,a,0.9\npets,a,0.7\n",
        &ImportOptions::default(),
    );
    assert_eq!(record.rows.len(), 2);
    assert_eq!(
        kinds(&notes),
        [(3, RecordNoteKind::Duplicate), (4, RecordNoteKind::Conflict)]
    );
}

#[test]
fn unknown_models_other_metrics_and_other_columns_are_kept_and_named() {
    let options = ImportOptions {
        known_models: vec!["resnet50".to_owned()],
        scores: vec!["LogME".to_owned()],
        ..ImportOptions::default()
    };
    let (record, notes) = import(
        "dataset,model,metric,value,logme,params\npets,resnet5O,accuracy,0.9,0.3,25M\npets,resnet50,mse,12.5,,\n",
        &options,
    );
    assert_eq!(
        kinds(&notes),
        [
            (1, RecordNoteKind::OtherColumn),
            (2, RecordNoteKind::UnknownModel),
            (3, RecordNoteKind::OtherMetric)
        ]
    );
    assert!(notes[1].message.contains("did you mean \"resnet50\"?"), "{}", notes[1]);
    assert_eq!(record.rows[0].scores["logme"], 0.3);
    assert_eq!(record.rows[0].other["params"], "25M");
    assert_eq!((record.rows[1].metric.as_str(), record.rows[1].value), ("mse", 12.5));
    assert!(record.rows[1].scores.is_empty());
}

#[test]
fn what_the_table_does_not_say_comes_from_the_options() {
    let options = ImportOptions {
        data: Some("flowers5".to_owned()),
        protocol: "lab".to_owned(),
        source: "accuracies.csv".to_owned(),
        date: "2026-03-01".to_owned(),
        ..ImportOptions::default()
    };
    let (record, notes) = import("\u{feff}model,accuracy\na,0.9\n", &options);
    let row = &record.rows[0];
    assert_eq!(notes, []);
    assert_eq!(
        [&row.data, &row.protocol, &row.source, &row.date],
        ["flowers5", "lab", "accuracies.csv", "2026-03-01"]
    );
    let text = record.to_jsonl().unwrap();
    assert_eq!(super::super::parse(&text), (record, Vec::new()));
}

#[test]
fn lines_that_cannot_be_used_are_left_out_and_named() {
    let text =
        "dataset,model,accuracy\npets,a,\npets,,0.5\n,a,0.5\npets,a,0.5,9\npets,a,\"0,5\"\npets,a,140\npets,b,0.5\n";
    let (record, notes) = import(text, &ImportOptions::default());
    assert_eq!(record.rows.len(), 1);
    let lines: Vec<usize> = notes
        .iter()
        .filter(|note| note.kind == RecordNoteKind::Rejected)
        .map(|note| note.line)
        .collect();
    assert_eq!(lines, [2, 3, 4, 5, 6, 7]);
    for note in &notes {
        assert!(!note.message.is_empty() && note.to_string().starts_with("line "));
    }
}

#[test]
fn tables_of_which_nothing_can_be_read_are_errors() {
    for (text, expected) in [
        ("", "expected a column model"),
        ("model,accuracy\na,1\n", "expected a column dataset"),
        (
            "dataset,model,score\nd,a,1\n",
            "expected a column accuracy, found dataset,model,score",
        ),
        (
            "dataset,model,accuracy,value\nd,a,1,1\n",
            "two columns say the same as \"value\"",
        ),
        (
            "dataset,data,model,accuracy\nd,d,a,1\n",
            "two columns say the same as \"data\"",
        ),
    ] {
        let error = import_csv(text, &ImportOptions::default()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
