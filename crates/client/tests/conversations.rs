//! Runs `conversations/*.json`: what goes into a session, and all that must come out of it. Every client passes the same files.
//!
//! `UNIONFLOW_WRITE_CONVERSATIONS=1` writes down what this session does, to be read before it is committed.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test")]

use std::{fmt::Write as _, fs, path::Path, time::Duration};

use serde_json::{Map, Value, json};
use unionflow_client::{
    AccessToken, ClientError, ConnectionStatus, Cursor, ErrorKind, Message, ResyncCause, TokenFault,
    backoff::Jitter,
    session::{Begin, Input, Moment, Output, Refusal, Session, Settings},
};
use unionflow_protocol::{Position, Seq};

#[test]
fn a_session_does_in_every_conversation_what_is_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("conversations");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    assert!(files.len() >= 12, "{} conversations", files.len());
    let writes = std::env::var_os("UNIONFLOW_WRITE_CONVERSATIONS").is_some();
    let mut wrong = Vec::new();
    for file in &files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let written: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        let done = run(&written);
        if writes {
            fs::write(file, text(&done)).unwrap();
        } else if let Some(difference) = difference(&written, &done) {
            wrong.push(format!("{name}: {difference}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn difference(written: &Value, done: &Value) -> Option<String> {
    let (written, done) = (written["steps"].as_array().unwrap(), done["steps"].as_array().unwrap());
    written.iter().zip(done).find(|(written, done)| written != done).map(|(written, done)| {
        format!("after {} at {} ms:\n  written {written}\n  done    {done}", done["in"], done["at"])
    })
}

/// The same conversation with all that comes out of it.
fn run(conversation: &Value) -> Value {
    let mut session = Session::new(settings(&conversation["settings"]));
    let mut steps = Vec::new();
    let (mut last, mut deadline, mut cursor) = (0, None::<u64>, Value::Null);
    for step in conversation["steps"].as_array().unwrap() {
        let at = step["at"].as_u64().unwrap();
        assert!(at >= last, "time goes on: {step}");
        let is_deadline = step["in"] == "deadline";
        assert!(
            deadline.is_none_or(|due| if is_deadline { due <= at } else { at <= due }),
            "{deadline:?}: {step}"
        );
        assert!(!is_deadline || deadline.is_some(), "there is no deadline: {step}");
        last = at;
        give(&mut session, Moment(Duration::from_millis(at)), &step["in"]);
        let outputs: Vec<Value> =
            std::iter::from_fn(|| session.poll_output()).map(|output| told(&output)).collect();
        deadline = session.next_deadline().map(|moment| millis(moment.0));
        let mut done = Map::new();
        done.insert("at".into(), at.into());
        done.insert("in".into(), step["in"].clone());
        done.insert("out".into(), outputs.into());
        done.insert("deadline".into(), deadline.into());
        let next = session.cursor().map_or(Value::Null, |cursor| json!(cursor));
        if next != cursor {
            done.insert("cursor".into(), next.clone());
            cursor = next;
        }
        steps.push(Value::Object(done));
    }
    json!({"about": conversation["about"], "settings": conversation["settings"], "steps": steps})
}

fn settings(value: &Value) -> Settings {
    Settings {
        organization_id: read(&value["organizationId"]),
        cursor: read::<Option<Cursor>>(&value["cursor"]),
        begin: if value["begin"] == "first" { Begin::First } else { Begin::Now },
        fetches_snapshots: value["fetchesSnapshots"] == true,
        jitter: Jitter::scripted(read::<Vec<f64>>(&value["jitter"])),
    }
}

fn give(session: &mut Session, now: Moment, input: &Value) {
    if let Some(word) = input.as_str() {
        let input = match word {
            "connect" => Input::Connect,
            "disconnect" => Input::Disconnect,
            "networkIsBack" => Input::NetworkIsBack,
            "opened" => Input::Opened,
            "binary" => Input::Binary,
            "deadline" => Input::Deadline,
            other => panic!("no input: {other}"),
        };
        return session.handle(now, input);
    }
    let (kind, value) = input.as_object().unwrap().iter().next().unwrap();
    let seconds = |name: &str| value[name].as_u64().map(Duration::from_secs);
    match kind.as_str() {
        "switch" => {
            session.handle(now, Input::Switch(read(&value["organizationId"]), read(&value["cursor"])));
        }
        "kept" => session.handle(now, Input::Kept(read::<Seq>(value))),
        "token" => {
            let token = value["token"].as_str().unwrap();
            let access = match seconds("expiresInSeconds") {
                Some(life) => AccessToken::for_a_time(token, life),
                None => AccessToken::lasting(token),
            };
            session.handle(now, Input::Token(Ok(access)));
        }
        "tokenFault" if value == "signInRequired" => {
            session.handle(now, Input::Token(Err(TokenFault::SignInRequired)));
        }
        "tokenFault" => session.handle(now, Input::Token(Err(TokenFault::Unavailable("not now".into())))),
        "refused" => {
            let refusal = Refusal {
                status: read(&value["status"]),
                code: read(&value["code"]),
                is_problem: read(&value["problem"]),
                retry_after: seconds("retryAfterSeconds"),
            };
            session.handle(now, Input::Refused(refusal));
        }
        "failed" => session.handle(now, Input::Failed(kind_named(value).into())),
        "frame" => session.handle(now, Input::Text(value.to_string().as_bytes())),
        "text" => session.handle(now, Input::Text(value.as_str().unwrap().as_bytes())),
        "closed" => session.handle(now, Input::Closed(read(value))),
        "snapshots" => {
            let as_of = (read(&value["epoch"]), read(&value["asOfSeq"]));
            session.handle(now, Input::Snapshots(Ok(as_of)));
        }
        "snapshotsFault" => session.handle(now, Input::Snapshots(Err(kind_named(value).into()))),
        other => panic!("no input: {other}"),
    }
}

fn kind_named(name: &Value) -> ErrorKind {
    *ErrorKind::ALL
        .iter()
        .find(|kind| *name == kind.name())
        .unwrap_or_else(|| panic!("no kind of error: {name}"))
}

fn told(output: &Output) -> Value {
    match output {
        Output::FetchToken { refused } => json!({"fetchToken": {"refused": refused}}),
        Output::Open(opening) => json!({"open": {"query": opening.query(), "token": opening.token}}),
        Output::Send(frame) => json!({"send": frame}),
        Output::Close => json!("close"),
        Output::FetchSnapshots(resync) => {
            json!({"fetchSnapshots": {"headSeq": resync.head_seq, "epoch": resync.epoch}})
        }
        Output::Tell(message) => json!({"tell": told_message(message)}),
        Output::Status(status) => json!({"status": told_status(status)}),
    }
}

fn told_message(message: &Message) -> Value {
    match message {
        Message::Joined(joined) => json!({"joined": {
            "organizationId": joined.organization_id, "memberId": joined.member_id, "roles": joined.roles,
            "epoch": joined.epoch, "headSeq": joined.head_seq, "resumedFrom": joined.resumed_from,
        }}),
        Message::Event(delivery) => {
            let envelope = (**delivery).clone().into_envelope();
            let event_type = envelope.event.type_name().to_owned();
            match delivery.head.position {
                Position::Fact(seq) => json!({"event": {"eventType": event_type, "seq": seq}}),
                Position::State { as_of_seq, .. } => {
                    json!({"event": {"eventType": event_type, "asOfSeq": as_of_seq}})
                }
            }
        }
        Message::RightsChanged(changed) => {
            let forget = changed.forget;
            let parts = [
                ("figures", forget.figures),
                ("approvals", forget.approvals),
                ("ledger", forget.ledger),
                ("contacts", forget.contacts),
                ("members", forget.members),
            ];
            let forget: Vec<&str> = parts.iter().filter(|(_, lost)| *lost).map(|(name, _)| *name).collect();
            json!({"rightsChanged": {"roles": changed.roles, "seq": changed.seq, "forget": forget}})
        }
        Message::ResyncRequired(resync) => {
            let cause = match resync.cause {
                ResyncCause::Server(reason) => reason.as_str(),
                ResyncCause::OtherMember => "OTHER_MEMBER",
                ResyncCause::HeldTooMuch => "HELD_TOO_MUCH",
            };
            json!({"resyncRequired": {"headSeq": resync.head_seq, "epoch": resync.epoch, "cause": cause}})
        }
        Message::Resynced { as_of } => json!({"resynced": {"asOfSeq": as_of}}),
        Message::CaughtUp { seq } => json!({"caughtUp": {"seq": seq}}),
        Message::FellBehind { missed } => json!({"fellBehind": {"missed": missed}}),
        Message::Problem(error) => json!({"problem": told_error(error)}),
    }
}

fn told_status(status: &ConnectionStatus) -> Value {
    match status {
        ConnectionStatus::Disconnected => json!("disconnected"),
        ConnectionStatus::Connecting { attempt } => json!({"connecting": {"attempt": attempt}}),
        ConnectionStatus::CatchingUp => json!("catchingUp"),
        ConnectionStatus::Resyncing => json!("resyncing"),
        ConnectionStatus::Live => json!("live"),
        ConnectionStatus::Waiting { reason, retry_in, attempt } => {
            json!({"waiting": {"reason": told_error(reason), "retryInMs": millis(*retry_in), "attempt": attempt}})
        }
        ConnectionStatus::Stopped { reason } => json!({"stopped": {"reason": told_error(reason)}}),
    }
}

fn told_error(error: &ClientError) -> Value {
    let mut told = Map::new();
    told.insert("kind".into(), error.kind().name().into());
    if let Some(code) = error.code() {
        told.insert("code".into(), code.as_str().into());
    }
    if !error.choices().is_empty() {
        told.insert("choices".into(), json!(error.choices()));
    }
    Value::Object(told)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}

fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
    T::deserialize(value).unwrap_or_else(|error| panic!("{error}: {value}"))
}

/// One line for what goes in, one for each thing that comes out.
fn text(conversation: &Value) -> String {
    let mut text = format!(
        "{{\n\"about\": {},\n\"settings\": {},\n\"steps\": [",
        conversation["about"], conversation["settings"]
    );
    for (n, step) in conversation["steps"].as_array().unwrap().iter().enumerate() {
        let comma = if n == 0 { "" } else { "," };
        let _ = write!(text, "{comma}\n{{\"at\": {}, \"in\": {},\n  \"out\": [", step["at"], step["in"]);
        for (n, output) in step["out"].as_array().unwrap().iter().enumerate() {
            let comma = if n == 0 { "" } else { "," };
            let _ = write!(text, "{comma}\n    {output}");
        }
        let _ = write!(text, "],\n  \"deadline\": {}", step["deadline"]);
        if let Some(cursor) = step.get("cursor") {
            let _ = write!(text, ",\n  \"cursor\": {cursor}");
        }
        text.push('}');
    }
    text.push_str("\n]}\n");
    text
}
