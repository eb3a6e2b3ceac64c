#![no_main]

ranktune_fuzz::fuzz_target!("safetensors");
