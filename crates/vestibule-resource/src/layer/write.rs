//! Creating, updating and deleting within limits.

use bytes::Bytes;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use http::{HeaderValue, Response, StatusCode};
use serde_json::Value;
use vestibule_scope::Permission;

use super::enforce::{Asked, Behind};
use super::refusal::Refusal;
use super::{answer, head};
use crate::check::Narrowing;
use crate::element::Element;
use crate::interaction::{Act, Interaction, Write};
use crate::principal::Principal;

pub(super) async fn write(
    asked: &Asked<'_>,
    write: &Write,
    narrowing: &Narrowing,
    behind: &mut dyn Behind,
) -> Result<Response<Bytes>, Refusal> {
    // What a condition finds and what a patch leaves is known to the server behind alone, and too late. A create's condition may find
    // whatever an open search may.
    let conditional =
        write.condition.is_some() && (narrowing.condition().is_some() || write.act != Act::Create);
    if conditional || write.act == Act::Patch {
        return Err(Refusal::NO_NARROWING);
    }
    let mut query = asked.query.clone();
    head::in_full_query(&mut query)?;
    submitted(asked, narrowing)?;
    let guard = stored(asked, write, narrowing, behind).await?;

    let mut request = asked.with_body(asked.method.clone(), &query, asked.body.clone())?;
    head::in_full(&mut request);
    if let Some((name, value)) = guard.header()? {
        request.headers_mut().insert(name, value);
    }
    let reply = behind.whole(request).await?;
    if !reply.status().is_success() {
        return Err(guard.instead_of_write(reply.status()));
    }
    // An outcome might speak of others.
    Ok(if shows(asked, write, &reply) { answer::resource(reply) } else { answer::done(&reply) })
}

/// Whether the answer may hold what the app may not read: to write is not to read (SMART-SCOPE-020), and a server keeps and merges
/// more than was sent.
pub(super) fn tells(asked: &Asked<'_>, interaction: &Interaction) -> bool {
    match interaction {
        Interaction::Write(write) => {
            let reads = |caller: &Principal| {
                caller.reach(write.resource_type, Permission::Read, &asked.setup.rules).is_everything()
            };
            !asked.caller.is_some_and(reads)
        }
        Interaction::Batch(entries) | Interaction::Transaction(entries) => {
            entries.iter().any(|entry| entry.interaction.as_ref().is_ok_and(|one| tells(asked, one)))
        }
        _ => false,
    }
}

/// What a write may answer with: the resource where a read would show it, or where it is what the app sent and nothing else was there.
fn shows(asked: &Asked<'_>, write: &Write, reply: &Response<Bytes>) -> bool {
    answer::json(reply).is_some_and(|kept| {
        let is_of_type = kept.get("resourceType").and_then(Value::as_str) == Some(write.resource_type.name());
        let is_own_text = write.act == Act::Create && write.condition.is_none();
        let may_read =
            |caller: &Principal| caller.check_read(&kept as &dyn Element, &asked.setup.rules).is_permitted();
        is_of_type && (is_own_text || asked.caller.is_some_and(may_read))
    })
}

/// A write that is open, whose answer is shown only if a read would show it.
pub(super) async fn open(
    asked: &Asked<'_>,
    interaction: &Interaction,
    behind: &mut dyn Behind,
) -> Result<Response<Bytes>, Refusal> {
    let Interaction::Write(write) = interaction else { return Err(Refusal::NO_NARROWING) };
    let mut request = asked.onward()?;
    head::in_json(&mut request);
    let reply = behind.whole(request).await?;
    let status = reply.status();
    if status.is_server_error() {
        return Err(Refusal::AWAY);
    }
    if !status.is_success() {
        return Err(Refusal::refused_behind(status));
    }
    Ok(if shows(asked, write, &reply) { answer::resource(reply) } else { answer::done(&reply) })
}

/// What is sent may be kept.
pub(super) fn submitted(asked: &Asked<'_>, narrowing: &Narrowing) -> Result<(), Refusal> {
    if !narrowing.checks().submitted {
        return Ok(());
    }
    let resource = asked.json.ok_or(Refusal::NOT_JSON)?;
    kept(resource, narrowing)
}

/// This resource may be kept.
pub(super) fn kept(resource: &Value, narrowing: &Narrowing) -> Result<(), Refusal> {
    if narrowing.check_submitted(resource as &dyn Element).is_permitted() {
        Ok(())
    } else {
        Err(Refusal::FORBIDDEN)
    }
}

/// What the change may be applied to: exactly what was judged.
pub(super) enum Only {
    /// Whatever there is.
    Anything,
    /// If there is nothing yet.
    Nothing,
    /// This version.
    Version(String),
}

impl Only {
    /// Why the server behind refused. Where there is nothing, its reasons against this id would say so.
    pub(super) fn instead_of_write(&self, status: StatusCode) -> Refusal {
        match self {
            Self::Nothing if status.is_client_error() => Refusal::FORBIDDEN,
            _ => answer::instead_of_write(status),
        }
    }

    fn header(&self) -> Result<Option<(http::HeaderName, HeaderValue)>, Refusal> {
        Ok(match self {
            Self::Anything => None,
            Self::Nothing => Some((IF_NONE_MATCH, HeaderValue::from_static("*"))),
            Self::Version(version) => {
                let tag = HeaderValue::try_from(tag(version)).map_err(|_| Refusal::BAD_ANSWER)?;
                Some((IF_MATCH, tag))
            }
        })
    }
}

pub(super) fn tag(version: &str) -> String {
    format!("W/\"{version}\"")
}

/// What is stored may be changed; and what the client believes to change is what is stored.
pub(super) async fn stored(
    asked: &Asked<'_>,
    write: &Write,
    narrowing: &Narrowing,
    behind: &mut dyn Behind,
) -> Result<Only, Refusal> {
    let Some(id) = write.id.as_ref().filter(|_| narrowing.checks().stored) else { return Ok(Only::Anything) };
    let stored = asked.stored(write.resource_type, id, behind).await?;
    if !narrowing.check_stored(stored.as_ref().map(|it| it as &dyn Element)).is_permitted() {
        return Err(Refusal::FORBIDDEN);
    }
    let version = |resource: &Value| {
        let version = resource.get("meta")?.get("versionId")?.as_str()?;
        vestibule_host::PatientId::is_logical_id(version).then(|| version.to_owned())
    };
    let only = match &stored {
        None => Only::Nothing,
        Some(resource) => version(resource).map_or(Only::Anything, Only::Version),
    };
    let wanted = head::text(&asked.head.headers, &IF_MATCH)?;
    if stored.is_none() && wanted.is_some() {
        // As for one that is hidden.
        return Err(Refusal::FORBIDDEN);
    }
    match (&only, wanted) {
        (_, None) => Ok(only),
        (Only::Version(version), Some(wanted))
            if wanted == tag(version) || wanted == format!("\"{version}\"") =>
        {
            Ok(only)
        }
        // Which version the server would take for this one, nobody here knows.
        _ => Err(Refusal::OTHER_VERSION),
    }
}

/// Whether an answer of the server says that something was done.
pub(super) fn is_done(status: &str) -> bool {
    status.get(..3).and_then(|code| code.parse::<StatusCode>().ok()).is_some_and(|code| code.is_success())
}
