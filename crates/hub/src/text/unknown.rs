//! How much of the data a tokenizer does not know.

use tokenizers::InputSequence;

use super::TextProcessor;
use super::guard::guarded;
use crate::Error;

impl TextProcessor {
    /// The share of the tokens of `texts` that stand for unknown words; `None` if the tokenizer has no such token (byte-level
    /// tokenizers know everything) or the texts have no tokens.
    ///
    /// # Errors
    /// As [`encode`](Self::encode).
    pub fn unknown_share<'t>(&self, texts: impl IntoIterator<Item = &'t str>) -> Result<Option<f64>, Error> {
        let Some(unknown) = self.unknown else { return Ok(None) };
        let (mut all, mut of_unknown) = (0_usize, 0_usize);
        for text in texts {
            let encoded = guarded(|| self.tokenizer.encode_fast(InputSequence::from(text), false))?;
            all += encoded.len();
            of_unknown += encoded.get_ids().iter().filter(|&&id| id == unknown).count();
        }
        Ok((all > 0).then(|| of_unknown as f64 / all as f64))
    }
}
