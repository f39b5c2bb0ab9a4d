//! Scripts of the protocols HAProxy knows by name. COMPAT: bytes and messages were recorded from 2.6.12 and 3.0.11.
//!
//! HAProxy 3.0 configuration manual §4.2 "option redis-check|smtpchk|mysql-check|pgsql-check|ldap-check|
//! ssl-hello-chk|spop-check".

use bstr::{BString, ByteSlice};

use crate::Status;
use crate::script::{Action, CompileError, ConnectTo, ExpectStep, Message, Payload, Step, Test, regex, step};

/// The steps of an option, implied connect left out.
pub(crate) fn steps(option: &str, args: &[BString]) -> Result<Vec<Step>, CompileError> {
    let arg = |n: usize| args.get(n).map(|a| a.as_bytes()).unwrap_or_default();
    let actions = match option {
        "redis-check" => redis(),
        "ldap-check" => ldap()?,
        "spop-check" => spop(),
        "ssl-hello-chk" => ssl_hello()?,
        "smtpchk" => smtp(arg(0), arg(1))?,
        "mysql-check" => mysql(arg(0), arg(1), arg(2)),
        "pgsql-check" => postgres(arg(1))?,
        other => return Err(CompileError::Unsupported(format!("option {other}"))),
    };
    Ok((1..).zip(actions).map(|(number, action)| step(action, number)).collect())
}

fn connect() -> Action {
    let to = ConnectTo { linger: true, default: true, ..ConnectTo::default() };
    Action::Connect { to, port: None, implicit: false }
}

fn send(bytes: impl Into<Vec<u8>>) -> Action {
    Action::Send(Payload::Bytes(bytes.into()))
}

fn expect(test: Test, more: impl FnOnce(&mut ExpectStep)) -> Action {
    let mut step = ExpectStep::new(test);
    more(&mut step);
    Action::Expect(Box::new(step))
}

fn redis() -> Vec<Action> {
    vec![
        send("*1\r\n$4\r\nPING\r\n"),
        expect(Test::Text("+PONG\r\n".into()), |e| {
            e.error = Some(Status::L7Sts);
            e.on_error = Some(Message::Answer { offset: 0, trimmed: false, whole: false });
            e.on_success = Some(Message::Text("Redis server is ok"));
        }),
    ]
}

/// A bind of nobody, RFC 4511 §4.2, and its answer.
fn ldap() -> Result<Vec<Action>, CompileError> {
    Ok(vec![
        send(b"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00"),
        expect(Test::BinaryRegex(regex(b"^30")?), |e| {
            e.min_recv = Some(14);
            e.on_error = Some(Message::Text("Not LDAPv3 protocol"));
        }),
        expect(Test::LdapBind, |_| {}),
    ])
}

/// HAPROXY-HELLO with the `healthcheck` flag, SPOE specification §3.2.4.
fn spop() -> Vec<Action> {
    let mut frame = b"\0\0\0\x4e\x01\0\0\0\x01\0\0".to_vec();
    frame.extend_from_slice(b"\x12supported-versions\x08\x032.0");
    frame.extend_from_slice(b"\x0emax-frame-size\x03\xfc\xf0\x06");
    frame.extend_from_slice(b"\x0ccapabilities\x08\0\x0bhealthcheck\x11");
    vec![connect(), send(frame), expect(Test::SpopHello, |_| {})]
}

/// An SSLv3 ClientHello (RFC 6101 §5.6.1.2) with 39 cipher suites: 1 to 0x1b and 0x2f to 0x3a.
fn ssl_hello() -> Result<Vec<Action>, CompileError> {
    let mut rest = b"HAPROXYSSLCHK\nHAPROXYSSLCHK\n\0\0\x4e".to_vec();
    for suite in (0x01..=0x1b_u8).chain(0x2f..=0x3a) {
        rest.extend_from_slice(&[0, suite]);
    }
    rest.extend_from_slice(&[1, 0]);
    Ok(vec![
        Action::Send(Payload::Stamped(b"\x16\x03\0\0\x79\x01\0\0\x75\x03\0".to_vec(), rest)),
        expect(Test::BinaryRegex(regex(b"^1[56]")?), |e| {
            e.min_recv = Some(5);
            (e.ok, e.error, e.timeout) = (Some(Status::L6Ok), Some(Status::L6Rsp), Some(Status::L6Tout));
        }),
    ])
}

fn smtp(verb: &[u8], host: &[u8]) -> Result<Vec<Action>, CompileError> {
    let hello = match (verb, host) {
        (b"EHLO" | b"HELO", host) if !host.is_empty() => [verb, b" ", host, b"\r\n"].concat(),
        _ => b"HELO localhost\r\n".to_vec(),
    };
    let reply = |e: &mut ExpectStep, status, offset, min| {
        e.error = Some(status);
        e.min_recv = min;
        e.on_error = Some(Message::Answer { offset, trimmed: offset != 0, whole: false });
        e.reply_code = offset != 0;
    };
    let told = Some(Message::Answer { offset: 4, trimmed: true, whole: false });
    Ok(vec![
        connect(),
        expect(Test::Regex(regex(b"^[0-9]{3}[ \\r]")?), |e| reply(e, Status::L7Rsp, 0, Some(4))),
        expect(Test::Regex(regex(b"^2[0-9]{2}[ \\r]")?), |e| reply(e, Status::L7Sts, 4, Some(4))),
        send(hello),
        expect(Test::Regex(regex(b"^(2[0-9]{2}-[^\\r]*\\r\\n)*2[0-9]{2}[ \\r]")?), |e| {
            reply(e, Status::L7Sts, 4, None);
            e.on_success = told.clone();
        }),
        send("QUIT\r\n"),
        expect(Test::Regex(regex(b"^2[0-9]{2}[- \\r]")?), |e| {
            reply(e, Status::L7Sts, 4, Some(4));
            e.on_success = told.clone();
        }),
    ])
}

/// Greeting only, or with `user` a log-in without password and a COM_QUIT behind it.
fn mysql(word: &[u8], user: &[u8], version: &[u8]) -> Vec<Action> {
    if word != b"user" || user.is_empty() {
        return vec![connect(), expect(Test::MysqlGreeting { last: true }, |_| {})];
    }
    let mut body = Vec::new();
    match version {
        b"pre-41" => body.extend_from_slice(b"\0\x80\0\0\x01"),
        _ => {
            let capabilities: &[u8] = if version == b"post-80" { b"\0\x82\x08\0" } else { b"\0\x82\0\0" };
            body.extend_from_slice(capabilities);
            body.extend_from_slice(b"\0\x80\0\x01\x21");
            body.extend_from_slice(&[0; 23]);
        }
    }
    body.extend_from_slice(user);
    body.extend_from_slice(b"\0\0");
    if version == b"post-80" {
        body.extend_from_slice(b"mysql_native_password\0");
    }
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut packet = vec![length[0], length[1], length[2], 1];
    packet.extend_from_slice(&body);
    packet.extend_from_slice(b"\x01\0\0\0\x01");
    vec![
        connect(),
        send(packet),
        expect(Test::MysqlGreeting { last: false }, |_| {}),
        expect(Test::MysqlReply, |_| {}),
    ]
}

/// A StartupMessage (PostgreSQL manual §55.7) and the beginning of its answer.
fn postgres(user: &[u8]) -> Result<Vec<Action>, CompileError> {
    let length = u32::try_from(15 + user.len()).unwrap_or(u32::MAX);
    let packet = [&length.to_be_bytes()[..], b"\0\x03\0\0user\0", user, b"\0\0"].concat();
    Ok(vec![
        connect(),
        send(packet),
        expect(Test::Regex(regex(b"^E")?), |e| {
            e.negated = true;
            e.min_recv = Some(5);
            e.error = Some(Status::L7Rsp);
            e.on_error = Some(Message::Answer { offset: 6, trimmed: false, whole: true });
        }),
        expect(Test::BinaryRegex(regex(b"^52000000[A-Z0-9]{2}000000(00|02|03|04|05|06|07|09|0A)")?), |e| {
            e.min_recv = Some(9);
            e.error = Some(Status::L7Sts);
            e.on_success = Some(Message::Text("PostgreSQL server is ok"));
            e.on_error = Some(Message::Text("PostgreSQL unknown error"));
        }),
    ])
}
