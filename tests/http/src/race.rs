//! Many clients that ask for the same at the same moment, each on a connection of its own that stays open.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Barrier;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use vestibule_testkit::invariants::{Answer as Said, Fact, History, Seen};

use crate::browser::Answer;

/// How long an answer may take where everything works.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection that stays open between requests.
#[derive(Debug)]
pub struct Line {
    stream: BufReader<TcpStream>,
    address: SocketAddr,
}

impl Line {
    /// # Errors
    /// Nobody listens there.
    pub fn to(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(stream), address })
    }

    /// Sends a request line without its version, headers, and a form if there is one.
    ///
    /// # Errors
    /// The connection broke, or what came is no answer.
    pub fn send(&mut self, start: &str, headers: &[(&str, &str)], form: Option<&str>) -> io::Result<Answer> {
        let mut out = format!("{start} HTTP/1.1\r\nhost: {}\r\n", self.address);
        for (name, value) in headers {
            out += &format!("{name}: {value}\r\n");
        }
        if let Some(form) = form {
            let kind = "application/x-www-form-urlencoded";
            out += &format!("content-type: {kind}\r\ncontent-length: {}\r\n", form.len());
        }
        out += "\r\n";
        out += form.unwrap_or_default();
        self.stream.get_mut().write_all(out.as_bytes())?;
        self.answer()
    }

    /// Posts a form to the token endpoint, or another for apps.
    ///
    /// # Errors
    /// The connection broke, or what came is no answer.
    pub fn post(&mut self, path: &str, form: &str) -> io::Result<Answer> {
        self.send(&format!("POST {path}"), &[], Some(form))
    }

    fn answer(&mut self) -> io::Result<Answer> {
        let broken = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let (mut line, mut headers) = (String::new(), HeaderMap::new());
        self.stream.read_line(&mut line)?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(broken)?;
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let Some((name, value)) = line.trim_end().split_once(':') else {
                if line.trim_end().is_empty() && !line.is_empty() {
                    break;
                }
                return Err(broken());
            };
            let name: HeaderName = name.parse().map_err(|_| broken())?;
            headers.append(name, HeaderValue::from_str(value.trim()).map_err(|_| broken())?);
        }
        let length = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        self.stream.read_exact(&mut body)?;
        Ok(Answer { status, headers, body: String::from_utf8(body).map_err(|_| broken())? })
    }
}

/// Lines to these addresses, in turns.
///
/// # Panics
/// When nobody listens there.
pub fn lines(addresses: &[SocketAddr], count: usize) -> Vec<Line> {
    addresses.iter().cycle().take(count).map(|address| Line::to(*address).expect("a server")).collect()
}

/// Posts the same form to the token endpoint over all lines at once.
///
/// # Panics
/// When one gets no answer.
pub fn race(lines: &mut [Line], form: &str) -> Vec<Answer> {
    let start = Barrier::new(lines.len());
    std::thread::scope(|scope| {
        let start = &start;
        let racers: Vec<_> = lines
            .iter_mut()
            .map(|line| {
                scope.spawn(move || {
                    start.wait();
                    line.post("/auth/token", form).expect("an answer")
                })
            })
            .collect();
        racers.into_iter().map(|racer| racer.join().expect("a racer")).collect()
    })
}

/// One of them has tokens; the others are told that the code is spent.
///
/// # Errors
/// Something else happened.
pub fn redeemed_once(answers: &[Answer]) -> Result<(), String> {
    let mut history = History::default();
    for (racer, answer) in answers.iter().enumerate() {
        match class(answer) {
            Said::Yes => {
                history.saw(Seen::CodeWon { code: "of the race".to_owned(), attempt: racer.to_string() });
            }
            // Whoever lost is told a fact, and no fault.
            answer => history.saw(Seen::Answered { fact: Fact::Bad, answer }),
        }
    }
    history.check().map_err(|broken| broken.0)?;
    let won = history.seen().iter().any(|seen| matches!(seen, Seen::CodeWon { .. }));
    if won { Ok(()) } else { Err(format!("none of {} redeemed the code", answers.len())) }
}

/// All of them go on, with one and the same successor. Gives it back.
///
/// # Errors
/// Something else happened.
pub fn refreshed_once(answers: &[Answer]) -> Result<String, String> {
    let (mut history, mut one) = (History::default(), None);
    for answer in answers {
        let said = class(answer);
        history.saw(Seen::Answered { fact: Fact::Good, answer: said });
        if said != Said::Yes {
            continue;
        }
        let successor = answer.json()["refresh_token"].as_str().unwrap_or_default().to_owned();
        one = Some(successor.clone());
        let (chain, presented) = ("of the race".to_owned(), "the first".to_owned());
        history.saw(Seen::Successor { chain, presented, successor });
    }
    history.check().map_err(|broken| broken.0)?;
    one.ok_or_else(|| "nobody raced".to_owned())
}

fn class(answer: &Answer) -> Said {
    match answer.status {
        200 => Said::Yes,
        400 if answer.json()["error"] == "invalid_grant" => Said::No,
        503 => Said::Later,
        _ => Said::Broken,
    }
}
