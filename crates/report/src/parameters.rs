//! `ranktune.parameters/1`: which weights of a model are trainable.

use serde::{Deserialize, Serialize};

use crate::format::count;
use crate::table::{Align, Table};

/// Name and version of the document.
pub const SCHEMA: &str = "ranktune.parameters/1";

/// The floating-point initializers of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// [`SCHEMA`].
    pub schema: String,
    /// Name of the model in its hub.
    pub model: String,
    /// In the order of the graph.
    pub parameters: Vec<Parameter>,
}

/// An initializer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameter {
    /// Its name in the graph.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// `trainable`, or why it is not trained.
    pub role: String,
}

impl Parameters {
    /// The parameters as a table, followed by the number of weights of each role.
    pub fn table(&self) -> String {
        let mut table = Table::new(&[
            ("parameter", Align::Left),
            ("shape", Align::Left),
            ("role", Align::Left),
        ]);
        let mut roles: Vec<(&str, u64)> = Vec::new();
        for parameter in &self.parameters {
            table.row(vec![
                parameter.name.clone(),
                format!("{:?}", parameter.shape),
                parameter.role.clone(),
            ]);
            let size = parameter.shape.iter().product::<usize>() as u64;
            match roles.iter_mut().find(|(role, _)| *role == parameter.role) {
                Some((_, sum)) => *sum += size,
                None => roles.push((&parameter.role, size)),
            }
        }
        let mut text = table.render();
        text.push('\n');
        for (role, sum) in roles {
            text.push_str(&format!("{role}: {}\n", count(sum)));
        }
        text
    }
}
