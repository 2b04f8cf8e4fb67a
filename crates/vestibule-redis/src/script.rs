//! The scripts, and what is asked of them.

use redis::Cmd;
use vestibule_host::{AssertionClaim, Call, NewAccess, NewEvent, UnixMillis};

/// One script: its text and the name that the server gives it.
#[derive(Debug)]
pub(crate) struct Script {
    text: String,
    name: String,
}

macro_rules! scripts {
    ($($name:ident: $($file:literal),+;)*) => {
        /// Every script, the common beginning included.
        #[derive(Debug)]
        pub(crate) struct Scripts { $(pub(crate) $name: Script,)* }

        impl Scripts {
            pub(crate) fn new() -> Self {
                Self { $($name: Script::new(concat!(
                    include_str!("scripts/prelude.lua"),
                    $(include_str!(concat!("scripts/", $file))),+
                )),)* }
            }

            #[cfg(test)]
            fn all(&self) -> Vec<(&'static str, &Script)> {
                vec![$((stringify!($name), &self.$name),)*]
            }
        }
    };
}

scripts! {
    probe: "probe.lua";
    trial: "trial.lua";
    launch: "launch.lua";
    advance: "swap.lua", "advance.lua";
    issue: "swap.lua", "issue.lua";
    redeem: "redeem.lua";
    rotate: "rotate.lua";
    token: "token.lua";
    revoke: "revoke.lua";
    grant: "grant.lua";
    access: "access.lua";
    grants_of: "grants_of.lua";
    lease: "lease.lua";
    ack: "ack.lua";
    purge: "purge.lua";
    answer: "answer.lua";
    answers: "answers.lua";
    withdraw: "withdraw.lua";
    keys: "keys.lua";
}

impl Script {
    fn new(text: &str) -> Self {
        Self { text: text.to_owned(), name: redis::Script::new(text).get_hash().to_owned() }
    }

    pub(crate) fn by_name(&self, base: &[u8], ask: &Ask) -> Cmd {
        ask.command("EVALSHA", &self.name, base)
    }

    pub(crate) fn by_text(&self, base: &[u8], ask: &Ask) -> Cmd {
        ask.command("EVAL", &self.text, base)
    }
}

/// What is asked of a script: values with names. What is absent is not sent.
#[derive(Debug, Default)]
pub(crate) struct Ask(Vec<(&'static str, Vec<u8>)>);

impl Ask {
    /// At the caller's time, by the caller's attempt.
    pub(crate) fn of(call: &Call) -> Self {
        Self::at(call.now).with("attempt", call.attempt.as_bytes())
    }

    pub(crate) fn at(now: UnixMillis) -> Self {
        Self::default().time("now", now)
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.0.push((name, value.as_ref().to_vec()));
        self
    }

    pub(crate) fn maybe(self, name: &'static str, value: Option<impl AsRef<[u8]>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(crate) fn time(self, name: &'static str, moment: UnixMillis) -> Self {
        self.with(name, moment.0.to_string())
    }

    pub(crate) fn number(self, name: &'static str, number: impl Into<u64>) -> Self {
        self.with(name, number.into().to_string())
    }

    pub(crate) fn flag(self, name: &'static str, set: bool) -> Self {
        self.with(name, if set { "1" } else { "0" })
    }

    pub(crate) fn claim(self, claim: Option<&AssertionClaim>) -> Self {
        match claim {
            Some(claim) => self.with("claim", claim.key.as_bytes()).time("claim_keep", claim.keep_until),
            None => self,
        }
    }

    pub(crate) fn access(self, access: Option<&NewAccess>) -> Self {
        match access {
            Some(access) => self
                .with("access", access.hash.as_bytes())
                .with("access_client", access.client.as_str())
                .time("access_expires", access.expires)
                .with("access_record", &access.record.0),
            None => self,
        }
    }

    pub(crate) fn event(self, event: Option<&NewEvent>) -> Self {
        match event {
            Some(event) => self.with("event", event.id.as_bytes()).with("event_record", &event.record.0),
            None => self,
        }
    }

    fn command(&self, verb: &str, script: &str, base: &[u8]) -> Cmd {
        let mut command = redis::cmd(verb);
        command.arg(script).arg(1).arg(base);
        for (name, value) in &self.0 {
            command.arg(*name).arg(value.as_slice());
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Nothing but the passed time counts, nothing is left to chance, and nothing ends by the server's clock.
    #[test]
    fn no_script_asks_for_the_time_or_lets_keys_expire() {
        let scripts = Scripts::new();
        for (name, script) in scripts.all() {
            for word in ["'TIME'", "EXPIRE", "'PX'", "'EX'", "math.random", "'KEYS'", "'SCAN'", "SMEMBERS"] {
                assert!(!script.text.contains(word), "{name} uses {word}");
            }
        }
    }

    /// What is not probed could fail halfway through a verb.
    #[test]
    fn every_command_of_a_script_is_probed() {
        let commands = |text: &str| -> BTreeSet<String> {
            let calls = text.split("call('").skip(1);
            calls.filter_map(|rest| rest.split('\'').next().map(str::to_owned)).collect()
        };
        let scripts = Scripts::new();
        let probed = commands(include_str!("scripts/probe.lua"));
        for (name, script) in scripts.all() {
            let missing: Vec<_> = commands(&script.text).difference(&probed).cloned().collect();
            assert!(missing.is_empty(), "{name}: {missing:?}");
        }
        assert!(probed.contains("HSET") && probed.len() > 10, "{probed:?}");
    }

    #[test]
    fn every_script_has_a_name_of_its_own() {
        let scripts = Scripts::new();
        let names: BTreeSet<_> = scripts.all().into_iter().map(|(_, script)| script.name.as_str()).collect();
        assert_eq!(names.len(), scripts.all().len());
        assert!(names.iter().all(|name| name.len() == 40));
    }
}
