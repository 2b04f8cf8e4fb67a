//! What the operator says.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};
use http::Uri;
use vestibule_resource::FhirVersion;

/// Stands in front of a FHIR server that knows nothing of SMART, and lets through what a token's scopes allow.
#[derive(Clone, Debug, Parser)]
#[command(version)]
pub struct Options {
    /// Where to listen. On anything but loopback put TLS in front.
    #[arg(long, default_value = "127.0.0.1:8081")]
    pub listen: SocketAddr,
    /// The FHIR base as apps write it: the one audience that counts here. Links in answers lead to it.
    #[arg(long)]
    pub public_url: Uri,
    /// The FHIR base of the server behind.
    #[arg(long)]
    pub upstream: Uri,
    /// The release of FHIR that it speaks.
    #[arg(long, value_enum, default_value = "r4")]
    pub fhir_version: Release,
    /// The issuer, exactly as its tokens say it.
    #[arg(long)]
    pub issuer: String,
    /// How tokens are checked.
    #[command(flatten)]
    pub tokens: Tokens,
    /// The issuer's SMART configuration of this base, which is passed on at `/.well-known/smart-configuration`.
    #[arg(long)]
    pub smart_configuration: Option<Uri>,
    /// A web app's origin that may read answers; several times for several.
    #[arg(long)]
    pub allow_origin: Vec<String>,
    /// The value of `Authorization` for the server behind, in a file.
    #[arg(long)]
    pub upstream_authorization: Option<PathBuf>,
    /// A parameter of the server's own paging, such as `_getpages`; several times for several.
    #[arg(long)]
    pub paging_parameter: Vec<String>,
}

/// Introspection, or the issuer's keys.
#[derive(Args, Clone, Debug)]
pub struct Tokens {
    /// The issuer's introspection endpoint. A revoked token is refused within `--staleness`.
    #[arg(long, requires_all = ["client_id", "client_secret"], conflicts_with = "jwks_uri")]
    pub introspection_endpoint: Option<Uri>,
    /// Who this proxy is to the issuer.
    #[arg(long)]
    pub client_id: Option<String>,
    /// Its secret, in a file.
    #[arg(long)]
    pub client_secret: Option<PathBuf>,
    /// For how many seconds an answer about a token is used again; 0 asks with every request.
    #[arg(long, default_value_t = 30)]
    pub staleness: u64,
    /// The issuer's key set. A revoked token is refused when it ends.
    #[arg(long)]
    pub jwks_uri: Option<String>,
    /// Lets the key set be on this machine, for trying things out.
    #[arg(long)]
    pub allow_loopback_fetch: bool,
}

/// A release of FHIR.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Release {
    /// 3.0.2
    Stu3,
    /// 4.0.1
    R4,
    /// 4.3.0
    R4b,
    /// 5.0.0
    R5,
}

impl From<Release> for FhirVersion {
    fn from(release: Release) -> Self {
        match release {
            Release::Stu3 => Self::Stu3,
            Release::R4 => Self::R4,
            Release::R4b => Self::R4B,
            Release::R5 => Self::R5,
        }
    }
}
