//! The head as it answers: the one that is trained, and the read-out that its method adds to it.

use super::session::Session;
use crate::head::WEIGHT;
use crate::{DeviceTensor, Error, Graph, Result};

impl Session<'_> {
    /// Asks the graph with the method's read-out in its head, which then is as it was.
    pub(super) fn answering<T>(&mut self, ask: impl FnOnce(&Graph) -> Result<T>) -> Result<T> {
        let Some((index, trained)) = self.add_read_out()? else {
            return ask(&self.graph);
        };
        let answer = ask(&self.graph);
        self.graph.set_value(index, trained)?;
        answer
    }

    /// Adds the method's read-out to the head; gives the place and value of its weight before, where there is one to add.
    pub(super) fn add_read_out(&mut self) -> Result<Option<(usize, DeviceTensor)>> {
        let Some(read_out) = self.job.method.read_out() else {
            return Ok(None);
        };
        let index = self
            .graph
            .find(WEIGHT)
            .ok_or_else(|| Error::invalid("a read-out needs the head that with_head makes, and the model has none"))?;
        let trained = self.graph.value(index).detached();
        let dims = trained.dims();
        let [columns, n_features] = dims[..] else {
            return Err(Error::shape(format!("expected a head [c, d], found {dims:?}")));
        };
        if read_out.len() != columns * n_features {
            return Err(Error::shape(format!(
                "the read-out has {} values, and the head is {columns} x {n_features}",
                read_out.len()
            )));
        }
        let mut values = trained.to_values()?;
        for (column, row) in values.chunks_exact_mut(n_features).enumerate() {
            for (value, added) in row.iter_mut().zip(read_out.iter().skip(column).step_by(columns)) {
                *value += added;
            }
        }
        let device = self.graph.device().clone();
        let joined = DeviceTensor::from_values(&[columns, n_features], values, &device)?;
        self.graph.set_value(index, joined)?;
        Ok(Some((index, trained)))
    }
}
