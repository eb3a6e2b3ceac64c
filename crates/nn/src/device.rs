//! The devices of Burn that a graph runs on, by name.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;
use ranktune_core::panics::caught;

use crate::{DeviceTensor, Error, ErrorKind, Result};

/// A device as a user names it: `cpu`, `cuda`, `cuda:1`, `wgpu`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DeviceChoice {
    /// The processor: Burn's `flex` backend with the kernels of this crate, in every build.
    #[default]
    Cpu,
    /// The NVIDIA GPU with this index, in builds with the feature `cuda`.
    Cuda(usize),
    /// The GPU that Vulkan, Metal or DirectX 12 offers first, in builds with the feature `wgpu`.
    Wgpu,
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(0) => f.write_str("cuda"),
            Self::Cuda(number) => write!(f, "cuda:{number}"),
            Self::Wgpu => f.write_str("wgpu"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = Error;

    /// # Errors
    /// `Input` for another name.
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(
                ErrorKind::Input,
                format!("unknown device {text:?}; expected cpu, cuda, cuda:N (the N-th GPU, from 0) or wgpu"),
            )
        };
        match text.split_once(':') {
            None if text == "cpu" => Ok(Self::Cpu),
            None if text == "cuda" => Ok(Self::Cuda(0)),
            None if text == "wgpu" => Ok(Self::Wgpu),
            Some(("cuda", number)) => number.parse().map(Self::Cuda).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }
}

impl DeviceChoice {
    /// Opens the device and computes one sum on it, so that a missing driver is found here and not in the middle of a run.
    ///
    /// # Errors
    /// `Unsupported` when this build or this machine does not have the device.
    pub fn open(self) -> Result<Device> {
        let device = match self {
            // The processor needs no driver.
            Self::Cpu => return Ok(Device::flex()),
            Self::Cuda(number) => cuda(number)?,
            Self::Wgpu => wgpu()?,
        };
        // Burn panics when a driver is missing.
        let answer = caught(|| {
            let one = DeviceTensor::from_values(&[1], vec![1.0], &device)?;
            one.add_scalar(1.0).to_values()
        });
        let failed = |reason: &str| {
            let message = format!(
                "device {self} does not work on this machine: {}; install its driver, or use --device cpu",
                reason.lines().next().unwrap_or("no reason is given")
            );
            Error::unsupported(message)
        };
        match answer {
            Ok(Ok(values)) if values == [2.0] => Ok(device),
            Ok(Ok(values)) => Err(failed(&format!("1 + 1 gives {values:?}"))),
            Ok(Err(error)) => Err(failed(&error.to_string())),
            Err(panic) => Err(failed(&panic)),
        }
    }
}

#[cfg(feature = "cuda")]
#[expect(clippy::unnecessary_wraps, reason = "as in builds without")]
fn cuda(number: usize) -> Result<Device> {
    Ok(Device::cuda(number))
}

#[cfg(not(feature = "cuda"))]
fn cuda(_: usize) -> Result<Device> {
    Err(not_in_build("cuda"))
}

#[cfg(feature = "wgpu")]
#[expect(clippy::unnecessary_wraps, reason = "as in builds without")]
fn wgpu() -> Result<Device> {
    Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice))
}

#[cfg(not(feature = "wgpu"))]
fn wgpu() -> Result<Device> {
    Err(not_in_build("wgpu"))
}

#[cfg(not(all(feature = "cuda", feature = "wgpu")))]
fn not_in_build(name: &str) -> Error {
    Error::unsupported(format!(
        "device {name} is not in this build; build with `--features {name}`, or use --device cpu"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_called_by_what_it_prints() {
        for choice in [
            DeviceChoice::Cpu,
            DeviceChoice::Cuda(0),
            DeviceChoice::Cuda(3),
            DeviceChoice::Wgpu,
        ] {
            assert_eq!(choice.to_string().parse::<DeviceChoice>().unwrap(), choice);
        }
        for wrong in ["gpu", "cuda:", "cuda:-1", "cpu:0", ""] {
            let error = wrong.parse::<DeviceChoice>().unwrap_err();
            assert!(error.to_string().contains("cuda:N"), "{error}");
        }
    }

    #[test]
    fn the_processor_is_always_there() {
        DeviceChoice::Cpu.open().unwrap();
    }

    #[cfg(not(feature = "cuda"))]
    #[test]
    fn a_device_that_is_not_in_the_build_is_named_with_its_feature() {
        let error = DeviceChoice::Cuda(0).open().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("--features cuda"), "{error}");
    }
}
