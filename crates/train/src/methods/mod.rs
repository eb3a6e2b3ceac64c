//! Tuning methods. A method is one file here with its `METHOD`, and one line in [`METHODS`].

mod b_tuning;
mod bi_tuning;
mod bss;
mod co_tuning;
mod delta;
mod distillation;
mod ensemble;
mod fine_tune;
mod l2_sp;
mod linear_probe;
mod lora;
mod soup;
mod source_soup;
mod stacked;
mod stoch_norm;
mod wise_ft;

pub use b_tuning::BTuning;
pub use bi_tuning::BiTuning;
pub use bss::Bss;
pub use co_tuning::CoTuning;
pub use delta::Delta;
pub use distillation::{Distillation, PredictionKind};
pub use ensemble::Ensemble;
pub use fine_tune::FineTune;
pub use l2_sp::L2Sp;
pub use linear_probe::LinearProbe;
pub use lora::Lora;
pub use soup::Soup;
pub use source_soup::SourceSoup;
pub use stacked::Stacked;
pub use stoch_norm::StochNorm;
pub use wise_ft::WiseFt;

use ranktune_core::names::did_you_mean;

use crate::error::{Error, Result};
use crate::method_info::{MethodInfo, Need};

/// Every method, in the order in which help texts list them.
pub static METHODS: &[MethodInfo] = &[
    fine_tune::METHOD,
    linear_probe::METHOD,
    b_tuning::METHOD,
    distillation::METHOD,
    l2_sp::METHOD,
    bss::METHOD,
    delta::METHOD,
    stoch_norm::METHOD,
    co_tuning::METHOD,
    bi_tuning::METHOD,
    wise_ft::METHOD,
    lora::METHOD,
    soup::METHOD,
    source_soup::METHOD,
    stacked::METHOD,
    ensemble::METHOD,
];

/// Name of the method that is used where none is named.
pub const DEFAULT: &str = b_tuning::METHOD.name;

/// The method called `name`.
///
/// # Errors
/// `Input`, with the nearest name and all of them.
pub fn find(name: &str) -> Result<&'static MethodInfo> {
    if let Some(method) = METHODS.iter().find(|method| method.name == name) {
        return Ok(method);
    }
    let names: Vec<&str> = METHODS.iter().map(|method| method.name).collect();
    let hint = did_you_mean(name, names.iter().copied());
    Err(Error::input(format!(
        "there is no method {name:?}{hint} (methods: {})",
        names.join(", ")
    )))
}

/// The method that `method` comes to at this λ: where λ weighs its teachers' term and is 0, that term vanishes and the method
/// is fine-tuning, which needs neither teachers nor their views.
pub fn at_lambda(method: &'static MethodInfo, lambda: f64) -> &'static MethodInfo {
    static FINE_TUNE: MethodInfo = fine_tune::METHOD;
    if method.needs(Need::Lambda) && lambda == 0.0 {
        return &FINE_TUNE;
    }
    method
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::method_info::MethodInputs;

    #[test]
    fn every_file_of_this_folder_is_in_the_list() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/methods");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| path.file_stem().unwrap().to_string_lossy().replace('_', "-"))
            .filter(|name| name != "mod")
            .collect();
        let mut names: Vec<String> = METHODS.iter().map(|method| method.name.to_owned()).collect();
        files.sort();
        names.sort();
        assert_eq!(
            files, names,
            "a method's file is named as the method, and its METHOD is in METHODS"
        );
    }

    #[test]
    fn a_method_is_found_by_its_name_and_a_wrong_name_suggests_it() {
        for method in METHODS {
            assert_eq!(find(method.name).unwrap().name, method.name);
            assert!(!method.summary.is_empty(), "{}", method.name);
        }
        let text = find("b-tunning").unwrap_err().to_string();
        assert!(
            text.contains("did you mean \"b-tuning\"") && text.contains("l2-sp"),
            "{text}"
        );
    }

    #[test]
    fn a_method_without_its_inputs_is_an_error_and_never_another_method() {
        for method in METHODS {
            let made = method.make(&MethodInputs::default());
            let data = [Need::Teachers, Need::ReadOut, Need::SourceClasses, Need::Attention];
            let takes_data = data.into_iter().any(|need| method.needs(need));
            assert_eq!(made.is_err(), takes_data, "{}", method.name);
            if let Ok(made) = made {
                assert_eq!(made.name(), method.name);
            }
        }
    }

    #[test]
    fn without_weight_on_its_teachers_b_tuning_is_fine_tuning() {
        let names = |lambda| [DEFAULT, "distillation"].map(|name| at_lambda(find(name).unwrap(), lambda).name);
        assert_eq!(names(0.0), ["fine-tune", "distillation"]);
        assert_eq!(names(1.0), ["b-tuning", "distillation"]);
    }
}
