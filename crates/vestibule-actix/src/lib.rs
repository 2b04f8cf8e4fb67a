#![doc = include_str!("../README.md")]

mod service;
mod translate;

pub use service::VestibuleService;
