//! Arguments resolved: what the model names becomes what evaluation needs.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use rha_base::{ProxyId, ServerId, Value, VarSlot};
use rha_ir::Arg;
use rha_vocab::{ArgKind, ArgShape};

use crate::map::Map;
use crate::names::{Names, Problem, scope};
use crate::regex::Regex;

/// A resolved argument.
#[derive(Debug)]
pub(crate) enum Operand {
    /// Left out.
    Absent,
    /// Integer, also milliseconds and bytes.
    Int(i64),
    /// Text.
    Str(Box<[u8]>),
    /// IPv4 address or mask.
    V4(Ipv4Addr),
    /// IPv6 address or mask.
    V6(Ipv6Addr),
    /// A proxy.
    Proxy(ProxyId),
    /// A server.
    Server(ProxyId, ServerId),
    /// A variable.
    Var(VarSlot),
    /// A regular expression.
    Regex(Box<Regex>),
    /// A constant value of any type.
    Value(Box<Value<'static>>),
    /// Users with their groups.
    Users(Arc<rha_ir::UserList>),
    /// A map.
    Map(Arc<Map>),
    /// Named ACLs.
    Condition(Box<crate::condition::Condition>),
}

/// Resolves arguments by their kinds; their number is the parser's business, which knows the dialect. A `backend`, `frontend` or `server` left out is the current one.
pub(crate) fn resolve(
    args: &[Arg],
    shape: &ArgShape,
    names: &mut dyn Names,
) -> Result<Vec<Operand>, Problem> {
    let mut out = Vec::with_capacity(args.len());
    for (i, a) in args.iter().enumerate() {
        out.push(one(a, shape.kinds.get(i).copied(), names)?);
    }
    if out.is_empty() && matches!(shape.kinds, [ArgKind::Backend | ArgKind::Frontend]) {
        out.push(Operand::Proxy(names.current()));
    }
    Ok(out)
}

fn one(arg: &Arg, kind: Option<ArgKind>, names: &mut dyn Names) -> Result<Operand, Problem> {
    Ok(match arg {
        Arg::Absent => Operand::Absent,
        Arg::Int(i) => Operand::Int(*i),
        Arg::Time(ms) => Operand::Int(i64::from(*ms)),
        Arg::Size(n) => Operand::Int(i64::try_from(*n).unwrap_or(i64::MAX)),
        Arg::Str(s) => Operand::Str(s.as_slice().into()),
        Arg::V4(a) => Operand::V4(*a),
        Arg::V6(a) => Operand::V6(*a),
        Arg::Proxy(n) if n.is_empty() => Operand::Proxy(names.current()),
        Arg::Proxy(n) => {
            let found = match kind {
                Some(ArgKind::Frontend) => names.frontend(n),
                _ => names.backend(n),
            };
            Operand::Proxy(found.ok_or_else(|| Problem::Missing(n.clone()))?)
        }
        Arg::Server { backend, server } => {
            let found = names.server(backend, server);
            let (b, s) = found.ok_or_else(|| Problem::Missing(format!("{backend}/{server}")))?;
            Operand::Server(b, s)
        }
        Arg::UserList(n) => {
            let list = names.user_list(n).ok_or_else(|| Problem::Missing(n.clone()))?;
            Operand::Users(Arc::new(list.clone()))
        }
        Arg::Map(path) => Operand::Str(path.as_bytes().into()),
        Arg::Regex { pattern, ignore_case, .. } => {
            Operand::Regex(Box::new(Regex::new(pattern, *ignore_case).map_err(Problem::Argument)?))
        }
        Arg::Var(v) => Operand::Var(names.variable(scope(v.scope), &v.name)),
        Arg::Table(n) => return Err(Problem::NotBuilt(format!("stick table {n}"))),
    })
}
