//! What runs a graph. An engine is one file here and one line in [`engines`].

/// An input's elements.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "each name is the type")]
pub enum Elements<'a> {
    F32(&'a [f32]),
    I64(&'a [i64]),
}

/// One input of a run.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Name of the graph's input.
    pub name: &'a str,
    /// Shape, batch first.
    pub shape: &'a [usize],
    /// Row-major elements.
    pub elements: Elements<'a>,
}

/// One output of a run, widened to f32.
#[derive(Clone, Debug, PartialEq)]
pub struct Output {
    /// Shape, batch first.
    pub shape: Vec<usize>,
    /// Row-major elements.
    pub data: Vec<f32>,
}
