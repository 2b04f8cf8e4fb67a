//! `cargo run -p fhir-proxy -- --help`, and the README beside this.

use std::process::ExitCode;

use clap::Parser as _;
use fhir_proxy::Options;
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match fhir_proxy::run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("fhir-proxy: {error}");
            ExitCode::FAILURE
        }
    }
}
