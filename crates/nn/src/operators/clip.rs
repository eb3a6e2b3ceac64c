//! Clip: limits to `[min, max]`, which are attributes up to operator set 10 and inputs since.

use super::{Attributes, Operator};
use crate::host::HostData;
use crate::kernels::{Activation, Range};
use crate::{Error, HostTensor, Result};

pub(super) fn build(attributes: &mut Attributes) -> Result<Operator> {
    let old = attributes.opset() < 11;
    let limits = if old {
        (
            attributes.float_or("min", f32::MIN)?,
            attributes.float_or("max", f32::MAX)?,
        )
    } else {
        (f32::MIN, f32::MAX)
    };
    Ok(Box::new(move |inputs, _| {
        let (mut low, mut high) = limits;
        if !old {
            low = inputs.optional_number(1)?.unwrap_or(low);
            high = inputs.optional_number(2)?.unwrap_or(high);
        }
        let Some(host) = inputs.get(0)?.host() else {
            let range = Range { low, high, open: false };
            return Ok(vec![inputs.tensor(0)?.activate(Activation::Limit(range))?.into()]);
        };
        let result = match host.data() {
            HostData::F32(values) => {
                HostTensor::floats(host.dims(), values.iter().map(|x| x.max(low).min(high)).collect())
            }
            HostData::I64(values) => {
                let limit =
                    |position| Ok::<_, Error>(inputs.optional_ints(position)?.and_then(|list| list.first().copied()));
                let (low, high) = (limit(1)?.unwrap_or(i64::MIN), limit(2)?.unwrap_or(i64::MAX));
                HostTensor::ints(host.dims(), values.iter().map(|&x| x.max(low).min(high)).collect())
            }
            HostData::Bool(_) => Err(Error::shape("expected numbers, found bool")),
        };
        Ok(vec![result?.into()])
    }))
}
