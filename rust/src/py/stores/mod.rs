//! What `found.ext`'s stores do row by row: their logic is in Python, their hot loops are here.

mod bind;
mod permute;
mod postings;

use pyo3::prelude::*;

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(bind::_bind, module)?)?;
    module.add_function(wrap_pyfunction!(permute::_permute, module)?)?;
    module.add_function(wrap_pyfunction!(permute::_set_permuted, module)?)?;
    module.add_function(wrap_pyfunction!(postings::_merge_postings, module)?)?;
    module.add_function(wrap_pyfunction!(postings::_rank_postings, module)?)?;
    module.add_function(wrap_pyfunction!(postings::_rank_candidates, module)?)?;
    module.add_function(wrap_pyfunction!(postings::_leading_postings, module)?)?;
    Ok(())
}
