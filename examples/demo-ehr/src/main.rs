//! `cargo run --release -p demo-ehr`, then follow what it prints.

use std::process::ExitCode;

use clap::Parser as _;
use demo_ehr::options::{self, Options};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        // Help, or the version.
        Err(error) if !error.use_stderr() => error.exit(),
        Err(error) => {
            let given: Vec<_> =
                std::env::args_os().map(|argument| argument.to_string_lossy().into_owned()).collect();
            eprint!("{}", options::complaint(&error, &given));
            return ExitCode::from(2);
        }
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match demo_ehr::run(&options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("demo-ehr: {}", error.explain());
            ExitCode::from(error.exit_code())
        }
    }
}
