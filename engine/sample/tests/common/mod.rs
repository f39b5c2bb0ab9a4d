//! A stream made of literals, and a reader of expressions as they are written.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a test whose own text is wrong should stop")]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use rha_base::{
    Fact, Message, Now, ProxyFact, ProxyId, Request, Response, Scene, Scope, ServerFact, ServerId, Site,
    Value, VarSlot,
};
use rha_ir::{Arg, Call, SampleExpr, UserList};
use rha_sample::{Names, Shared};
use rha_vocab::{ArgKind, ArgShape};

/// A message of literals.
#[derive(Default)]
pub struct Head {
    pub method: Vec<u8>,
    pub uri: Vec<u8>,
    pub status: u16,
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub body: Vec<u8>,
    pub partial: bool,
}

impl Head {
    /// A request written as on the wire, lines ended by LF.
    pub fn request(text: &str) -> Head {
        let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
        let mut lines = head.lines();
        let mut first = lines.next().unwrap_or("").split(' ');
        let word = |w: Option<&str>| w.unwrap_or("").as_bytes().to_vec();
        let (method, uri) = (word(first.next()), word(first.next()));
        let headers = lines.map(|l| {
            let (n, v) = l.split_once(':').unwrap_or((l, ""));
            (n.as_bytes().to_vec(), v.trim().as_bytes().to_vec())
        });
        Head { method, uri, headers: headers.collect(), body: body.as_bytes().to_vec(), ..Head::default() }
    }
}

impl Message for Head {
    fn header_count(&self) -> usize {
        self.headers.len()
    }
    fn header(&self, i: usize) -> (&[u8], &[u8]) {
        (&self.headers[i].0, &self.headers[i].1)
    }
    fn body(&self) -> &[u8] {
        &self.body
    }
    fn body_is_whole(&self) -> bool {
        !self.partial
    }
    fn content_length(&self) -> Option<u64> {
        Some(self.body.len() as u64)
    }
}

impl Request for Head {
    fn method(&self) -> &[u8] {
        &self.method
    }
    fn uri(&self) -> &[u8] {
        &self.uri
    }
    fn version(&self) -> (u8, u8) {
        (1, 1)
    }
}

impl Response for Head {
    fn status(&self) -> u16 {
        self.status
    }
    fn reason(&self) -> &[u8] {
        b"OK"
    }
    fn version(&self) -> (u8, u8) {
        (1, 1)
    }
}

/// A stream of literals.
pub struct Stage {
    pub request: Option<Head>,
    pub response: Option<Head>,
    pub source: Option<SocketAddr>,
    pub destination: Option<SocketAddr>,
    pub buffer: Vec<u8>,
    pub may_grow: bool,
    pub facts: Vec<(Fact, Value<'static>)>,
    /// Variables are leaked so that a shared reference can be handed out while one is being set.
    pub variables: RefCell<BTreeMap<u16, &'static Value<'static>>>,
    pub captures: Vec<Option<Vec<u8>>>,
    pub now: Now,
    pub offset_s: i32,
}

impl Default for Stage {
    fn default() -> Self {
        Stage {
            request: None,
            response: None,
            source: "127.0.0.1:40000".parse().ok(),
            destination: "127.0.0.1:80".parse().ok(),
            buffer: Vec::new(),
            may_grow: false,
            facts: Vec::new(),
            variables: RefCell::default(),
            captures: Vec::new(),
            now: Now::default(),
            offset_s: 0,
        }
    }
}

impl Scene for Stage {
    fn now(&self) -> Now {
        self.now
    }
    fn source(&self) -> Option<SocketAddr> {
        self.source
    }
    fn destination(&self) -> Option<SocketAddr> {
        self.destination
    }
    fn request(&self) -> Option<&dyn Request> {
        self.request.as_ref().map(|r| r as &dyn Request)
    }
    fn response(&self) -> Option<&dyn Response> {
        self.response.as_ref().map(|r| r as &dyn Response)
    }
    fn request_buffer(&self) -> &[u8] {
        &self.buffer
    }
    fn response_buffer(&self) -> &[u8] {
        b""
    }
    fn request_may_grow(&self) -> bool {
        self.may_grow
    }
    fn variable(&self, slot: VarSlot) -> Option<&Value<'static>> {
        self.variables.borrow().get(&slot.index).copied()
    }
    fn set_variable(&self, slot: VarSlot, value: Option<Value<'static>>) -> bool {
        let mut all = self.variables.borrow_mut();
        match value {
            Some(v) => all.insert(slot.index, Box::leak(Box::new(v))),
            None => all.remove(&slot.index),
        };
        true
    }
    fn fact(&self, fact: Fact) -> Option<Value<'_>> {
        self.facts.iter().find(|(f, _)| *f == fact).map(|(_, v)| v.clone())
    }
    fn place(&self) -> (ProxyId, Option<ProxyId>, Option<ServerId>) {
        (ProxyId(0), Some(ProxyId(1)), Some(ServerId(0)))
    }
    fn site(&self) -> &dyn Site {
        self
    }
    fn request_captures(&self) -> usize {
        self.captures.len()
    }
    fn request_capture(&self, slot: usize) -> Option<&[u8]> {
        self.captures.get(slot).and_then(|c| c.as_deref())
    }
    fn local_offset_s(&self, _: i64) -> i32 {
        self.offset_s
    }
    fn random(&self) -> u32 {
        0x8000_0000
    }
}

impl Site for Stage {
    fn proxy(&self, id: ProxyId, fact: ProxyFact) -> i64 {
        i64::from(id.0) * 100 + i64::from(fact == ProxyFact::UsableServers)
    }
    fn server(&self, _: ProxyId, server: ServerId, fact: ServerFact) -> i64 {
        i64::from(server.0 + 1) * i64::from(fact == ServerFact::IsUp)
    }
    fn connections(&self) -> i64 {
        9
    }
    fn workers(&self) -> u32 {
        1
    }
}

/// Names of a plan with a frontend, a backend and files in memory.
#[derive(Default)]
pub struct Plan {
    pub files: BTreeMap<String, Vec<u8>>,
    pub variables: Vec<String>,
    pub users: Option<UserList>,
    pub shared: Shared,
}

impl Names for Plan {
    fn current(&self) -> ProxyId {
        ProxyId(0)
    }
    fn proxy(&self, name: &str) -> Option<ProxyId> {
        ["fe1", "be1"].iter().position(|n| *n == name).map(|i| ProxyId(i as u32))
    }
    fn server(&self, backend: &str, server: &str) -> Option<(ProxyId, ServerId)> {
        (backend == "be1" && server == "s1").then_some((ProxyId(1), ServerId(0)))
    }
    fn variable(&mut self, scope: Scope, name: &str) -> VarSlot {
        let found = self.variables.iter().position(|v| v == name);
        let index = found.unwrap_or_else(|| {
            self.variables.push(name.to_owned());
            self.variables.len() - 1
        });
        VarSlot { scope, index: index as u16 }
    }
    fn read_file(&self, path: &str) -> std::io::Result<Vec<u8>> {
        self.files.get(path).cloned().ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }
    fn user_list(&self, name: &str) -> Option<&UserList> {
        self.users.as_ref().filter(|u| u.name == name)
    }
    fn env(&self, name: &str) -> Option<Vec<u8>> {
        (name == "HOME").then(|| b"/root".to_vec())
    }
    fn shared(&mut self) -> &mut Shared {
        &mut self.shared
    }
}

/// Reads `fetch(a,b),conv(c)`, with quotes and backslashes in arguments.
pub fn expr(text: &str) -> SampleExpr {
    let vocab = rha_sample::vocab();
    let mut rest = text;
    let mut calls: Vec<Call> = Vec::new();
    while !rest.is_empty() {
        let end = rest.find(['(', ',']).unwrap_or(rest.len());
        let name = &rest[..end];
        let (words, after) = if rest[end..].starts_with('(') {
            let (words, used) = arguments(&rest[end + 1..]);
            (words, end + 1 + used)
        } else {
            (Vec::new(), end)
        };
        let shape = if calls.is_empty() {
            vocab.fetch(name).unwrap_or_else(|| panic!("fetch {name}")).args
        } else {
            vocab.converter(name).unwrap_or_else(|| panic!("converter {name}")).args
        };
        calls.push(Call { name: name.into(), args: typed(name, &words, &shape) });
        rest = rest[after..].strip_prefix(',').unwrap_or(&rest[after..]);
    }
    let fetch = calls.remove(0);
    SampleExpr { fetch, converters: calls, origin: rha_ir::Span::default() }
}

fn arguments(text: &str) -> (Vec<String>, usize) {
    let mut words = vec![String::new()];
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((i, c)) = chars.next() {
        let word = words.last_mut().unwrap();
        match (quote, c) {
            (Some(q), c) if c == q => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None | Some('"'), '\\') => word.extend(chars.next().map(|(_, c)| c)),
            (None, ')') => {
                if i == 0 {
                    words.clear();
                }
                return (words, i + 1);
            }
            (None, ',') => words.push(String::new()),
            _ => word.push(c),
        }
    }
    (words, text.len())
}

fn typed(name: &str, words: &[String], shape: &ArgShape) -> Vec<Arg> {
    let flags = words.get(2).filter(|_| name == "regsub").cloned().unwrap_or_default();
    let one = |(w, kind): (&String, &ArgKind)| match kind {
        _ if w.is_empty() && *kind != ArgKind::Str => Arg::Absent,
        ArgKind::Sint => Arg::Int(w.parse().unwrap()),
        ArgKind::Ipv4 => Arg::V4(w.parse().unwrap()),
        ArgKind::Msk4 => Arg::V4(
            w.parse::<u32>()
                .map_or_else(|_| w.parse().unwrap(), |n| (u32::MAX.checked_shl(32 - n).unwrap_or(0)).into()),
        ),
        ArgKind::Ipv6 => Arg::V6(w.parse().unwrap()),
        ArgKind::Msk6 => Arg::V6((u128::MAX << (128 - w.parse::<u32>().unwrap())).into()),
        ArgKind::Map => Arg::Map(w.clone()),
        ArgKind::UserList => Arg::UserList(w.clone()),
        ArgKind::Frontend | ArgKind::Backend => Arg::Proxy(w.clone()),
        ArgKind::Server => {
            let (backend, server) = w.split_once('/').unwrap();
            Arg::Server { backend: backend.into(), server: server.into() }
        }
        ArgKind::Regex => Arg::Regex {
            pattern: w.as_str().into(),
            ignore_case: flags.contains('i'),
            global: flags.contains('g'),
        },
        _ => Arg::Str(w.as_str().into()),
    };
    words.iter().zip(shape.kinds).map(one).collect()
}

/// Reads `{ hdr(host) -i a } !{ … } or { … }`.
pub fn condition(text: &str) -> rha_ir::Condition {
    let words = words(text);
    let mut any = vec![Vec::new()];
    let mut i = 0;
    while i < words.len() {
        match words[i].as_str() {
            "or" | "||" => any.push(Vec::new()),
            open @ ("{" | "!{") => {
                let end = (i..words.len()).find(|j| words[*j] == "}").unwrap();
                let test = Box::new(test(&words[i + 1..end]));
                any.last_mut().unwrap().push(rha_ir::Term::Anonymous { test, negated: open == "!{" });
                i = end;
            }
            other => panic!("{other}"),
        }
        i += 1;
    }
    rha_ir::Condition { any, unless: false, origin: rha_ir::Span::default() }
}

/// One ACL line without its name.
pub fn test(words: &[String]) -> rha_ir::AclTest {
    use rha_vocab::{Match, SampleType};
    let vocab = rha_sample::vocab();
    let text = &words[0];
    let end = text.find(['(', ',']).unwrap_or(text.len());
    let keyword = vocab.acl(&text[..end]);
    let renamed = keyword.map_or(text.clone(), |k| format!("{}{}", k.fetch, &text[end..]));
    let expr = expr(&renamed);
    let last = expr.converters.last().map(|c| vocab.converter(&c.name).unwrap().output);
    let output = last.unwrap_or(vocab.fetch(&expr.fetch.name).unwrap().output);
    let mut method = match (keyword, output) {
        (Some(k), _) if expr.converters.is_empty() => k.method,
        (_, SampleType::Bool) => Match::Bool,
        (_, SampleType::Sint) => Match::Int,
        (_, SampleType::Addr | SampleType::Ipv4 | SampleType::Ipv6) => Match::Ip,
        _ => Match::Str,
    };
    let mut patterns = Vec::new();
    let mut ignore_case = false;
    let mut i = 1;
    while i < words.len() {
        match words[i].as_str() {
            "-i" => ignore_case = true,
            "-m" => {
                i += 1;
                method = Match::parse(words[i].as_bytes()).unwrap();
            }
            "-f" => {
                i += 1;
                patterns.push(rha_ir::PatternSource::File(words[i].clone()));
            }
            w => patterns.push(rha_ir::PatternSource::Inline(w.into())),
        }
        i += 1;
    }
    let origin = rha_ir::Span::default();
    rha_ir::AclTest {
        expr,
        method,
        ignore_case,
        no_dns: false,
        id: None,
        patterns,
        origin,
        keyword: text.as_str().into(),
    }
}

/// Words with double quotes and backslashes resolved; expressions keep theirs.
pub fn words(text: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    let (mut quoted, mut open, mut any) = (false, 0, false);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        match c {
            '"' if open == 0 => {
                quoted = !quoted;
                any = true;
            }
            '\\' if open == 0 && quoted => word.extend(chars.next()),
            ' ' if !quoted && open == 0 => {
                if any || !word.is_empty() {
                    out.push(std::mem::take(&mut word));
                }
                any = false;
            }
            c => word.push(c),
        }
    }
    if any || !word.is_empty() {
        out.push(word);
    }
    out
}
