//! The values of a graph: tensors on the device, and tensors on the host.

use std::fmt;
use std::sync::{Arc, OnceLock};

use burn::tensor::Device;

use crate::tensor::DeviceTensor;
use crate::{Error, HostTensor, Result};

/// A host tensor that remembers its copy on the device, so that a constant is uploaded once, not at every step.
#[derive(Debug)]
pub(crate) struct Shared {
    host: HostTensor,
    device: OnceLock<DeviceTensor>,
}

/// A value of the graph. Floating-point activations and parameters are on the device; everything else, and small
/// constants, are on the host.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Host(Arc<Shared>),
    Device(DeviceTensor),
    /// Several values (a sequence in ONNX).
    List(Arc<Vec<Value>>),
}

impl From<HostTensor> for Value {
    fn from(host: HostTensor) -> Self {
        Self::Host(Arc::new(Shared {
            host,
            device: OnceLock::new(),
        }))
    }
}

impl From<DeviceTensor> for Value {
    fn from(tensor: DeviceTensor) -> Self {
        Self::Device(tensor)
    }
}

impl Value {
    /// Several values as one.
    pub(crate) fn list(values: Vec<Self>) -> Self {
        Self::List(Arc::new(values))
    }

    /// The values of a list.
    pub(crate) fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(values) => Some(values),
            _ => None,
        }
    }

    /// The same elements under another shape.
    ///
    /// # Errors
    /// `Shape` when the shape takes another number of elements.
    pub(crate) fn reshape(&self, dims: &[usize]) -> Result<Self> {
        Ok(match self {
            Self::Device(tensor) => tensor.reshape(dims)?.into(),
            _ => self.to_host()?.reshape(dims)?.into(),
        })
    }

    /// The shape; that of a list is its length.
    pub(crate) fn dims(&self) -> Vec<usize> {
        match self {
            Self::Host(shared) => shared.host.dims().to_vec(),
            Self::Device(tensor) => tensor.dims(),
            Self::List(values) => vec![values.len()],
        }
    }

    /// The host tensor, if it is one.
    pub(crate) fn host(&self) -> Option<&HostTensor> {
        match self {
            Self::Host(shared) => Some(&shared.host),
            Self::Device(_) | Self::List(_) => None,
        }
    }

    /// The values on the host, copied from the device if necessary.
    pub(crate) fn to_host(&self) -> Result<HostTensor> {
        match self {
            Self::Host(shared) => Ok(shared.host.clone()),
            Self::Device(tensor) => HostTensor::floats(&tensor.dims(), tensor.to_values()?),
            Self::List(_) => Err(self.no_tensor()),
        }
    }

    /// The floating-point tensor on the device; a host tensor is copied there the first time.
    ///
    /// # Errors
    /// `Shape` for integers and booleans, which are always on the host.
    pub(crate) fn on(&self, device: &Device) -> Result<DeviceTensor> {
        match self {
            Self::Device(tensor) => Ok(tensor.clone()),
            Self::List(_) => Err(self.no_tensor()),
            Self::Host(shared) => {
                if let Some(tensor) = shared.device.get() {
                    return Ok(tensor.clone());
                }
                let values = shared.host.as_floats().ok_or_else(|| {
                    let found = shared.host.type_name();
                    Error::shape(format!("expected a floating-point tensor, found {found}"))
                })?;
                let tensor = DeviceTensor::from_values(shared.host.dims(), values.to_vec(), device)?;
                Ok(shared.device.get_or_init(|| tensor).clone())
            }
        }
    }
}

impl Value {
    fn no_tensor(&self) -> Error {
        Error::shape(format!("expected a tensor, found {self}"))
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::List(values) = self {
            return write!(f, "a list of {} tensors", values.len());
        }
        let name = self.host().map_or("f32", HostTensor::type_name);
        let dims: Vec<String> = self.dims().iter().map(usize::to_string).collect();
        write!(f, "{name}[{}]", dims.join(","))
    }
}
