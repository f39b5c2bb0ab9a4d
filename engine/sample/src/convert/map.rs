//! Lookups in map files.

use rha_vocab::{ArgKind, Lifetime, SampleType as T};

use crate::row::{ALWAYS, Converter, args, convert};

/// Rows of this subject.
pub(crate) const ROWS: &[Converter] = &[
    convert("map", args(1, &[ArgKind::Map, ArgKind::Str]), T::Str, T::Str, ALWAYS, "Looks the value up in a map file by whole string; gives the text.").eval(lookup).prepare(str_str),
    convert("map_beg", args(1, &[ArgKind::Map, ArgKind::Str]), T::Str, T::Str, ALWAYS, "Looks the value up in a map file by longest prefix; gives the text.").eval(lookup).prepare(beg_str),
    convert("map_beg_int", args(1, &[ArgKind::Map, ArgKind::Sint]), T::Str, T::Sint, ALWAYS, "Looks the value up in a map file by longest prefix; gives the integer.").eval(lookup).prepare(beg_int),
    convert("map_beg_ip", args(1, &[ArgKind::Map, ArgKind::Str]), T::Str, T::Addr, ALWAYS, "Looks the value up in a map file by longest prefix; gives the address.").eval(lookup).prepare(beg_ip),
    convert("map_beg_key", args(1, &[ArgKind::Map]), T::Str, T::Str, Lifetime::since(3, 0), "Looks the value up in a map file by longest prefix; gives the key that matched.").eval(lookup).prepare(beg_key),
    convert("map_dir", args(1, &[ArgKind::Map, ArgKind::Str]), T::Str, T::Str, ALWAYS, "Looks the value up in a map file by path component; gives the text.").eval(lookup).prepare(dir_str),
    convert("map_dir_int", args(1, &[ArgKind::Map, ArgKind::Sint]), T::Str, T::Sint, ALWAYS, "Looks the value up in a map file by path component; gives the integer.").eval(lookup).prepare(dir_int),
    convert("map_dir_ip", args(1, &[ArgKind::Map, ArgKind::Str]), T::Str, T::Addr, ALWAYS, "Looks the value up in a map file by path component; gives the address.").eval(lookup).prepare(dir_ip),
    convert("map_dir_key", args(1, &[ArgKind::Map]), T::Str, T::Str, Lifetime::since(3, 0), "Looks the value up in a map file by path component; gives the key that matched.").eval(lookup).prepare(dir_key),
    convert("map_dom", args(1, &[ArgKind::Map, ArgKind::Str]), T::Str, T::Str, ALWAYS, "Looks the value up in a map file by domain component; gives the text.").eval(lookup).prepare(dom_str),
    convert("map_dom_int", args(1, &[ArgKind::Map, ArgKind::Sint]), T::Str, T::Sint, ALWAYS, "Looks the value up in a map file by domain component; gives the integer.").eval(lookup).prepare(dom_int),
    convert("map_dom_ip", args(1, &[ArgKind::Map, ArgKind::Str]), T::Str, T::Addr, ALWAYS, "Looks the value up in a map file by domain component; gives the address.").eval(lookup).prepare(dom_ip),
    convert("map_dom_key", args(1, &[ArgKind::Map]), T::Str, T::Str, Lifetime::since(3, 0), "Looks the value up in a map file by domain component; gives the key that matched.").eval(lookup).prepare(dom_key),
    convert("map_end", args(1, &[ArgKind::Map, ArgKind::Str]), T::Str, T::Str, ALWAYS, "Looks the value up in a map file by longest suffix; gives the text.").eval(lookup).prepare(end_str),
    convert("map_end_int", args(1, &[ArgKind::Map, ArgKind::Sint]), T::Str, T::Sint, ALWAYS, "Looks the value up in a map file by longest suffix; gives the integer.").eval(lookup).prepare(end_int),
    convert("map_end_ip", args(1, &[ArgKind::Map, ArgKind::Str]), T::Str, T::Addr, ALWAYS, "Looks the value up in a map file by longest suffix; gives the address.").eval(lookup).prepare(end_ip),
    convert("map_end_key", args(1, &[ArgKind::Map]), T::Str, T::Str, Lifetime::since(3, 0), "Looks the value up in a map file by longest suffix; gives the key that matched.").eval(lookup).prepare(end_key),
    convert("map_int", args(1, &[ArgKind::Map, ArgKind::Str]), T::Sint, T::Str, ALWAYS, "Looks the value up in a map file by integer or range; gives the text.").eval(lookup).prepare(int_str),
    convert("map_int_int", args(1, &[ArgKind::Map, ArgKind::Sint]), T::Sint, T::Sint, ALWAYS, "Looks the value up in a map file by integer or range; gives the integer.").eval(lookup).prepare(int_int),
    convert("map_int_ip", args(1, &[ArgKind::Map, ArgKind::Str]), T::Sint, T::Addr, ALWAYS, "Looks the value up in a map file by integer or range; gives the address.").eval(lookup).prepare(int_ip),
    convert("map_int_key", args(1, &[ArgKind::Map]), T::Sint, T::Str, Lifetime::since(3, 0), "Looks the value up in a map file by integer or range; gives the key that matched.").eval(lookup).prepare(int_key),
    convert("map_ip", args(1, &[ArgKind::Map, ArgKind::Str]), T::Addr, T::Str, ALWAYS, "Looks the value up in a map file by network; gives the text.").eval(lookup).prepare(ip_str),
    convert("map_ip_int", args(1, &[ArgKind::Map, ArgKind::Sint]), T::Addr, T::Sint, ALWAYS, "Looks the value up in a map file by network; gives the integer.").eval(lookup).prepare(ip_int),
    convert("map_ip_ip", args(1, &[ArgKind::Map, ArgKind::Str]), T::Addr, T::Addr, ALWAYS, "Looks the value up in a map file by network; gives the address.").eval(lookup).prepare(ip_ip),
    convert("map_ip_key", args(1, &[ArgKind::Map]), T::Addr, T::Str, Lifetime::since(3, 0), "Looks the value up in a map file by network; gives the key that matched.").eval(lookup).prepare(ip_key),
    convert("map_reg", args(1, &[ArgKind::Map, ArgKind::Str]), T::Str, T::Str, ALWAYS, "Looks the value up in a map file by regular expression; gives the text.").eval(lookup).prepare(reg_str),
    convert("map_reg_int", args(1, &[ArgKind::Map, ArgKind::Sint]), T::Str, T::Sint, ALWAYS, "Looks the value up in a map file by regular expression; gives the integer.").eval(lookup).prepare(reg_int),
    convert("map_reg_ip", args(1, &[ArgKind::Map, ArgKind::Str]), T::Str, T::Addr, ALWAYS, "Looks the value up in a map file by regular expression; gives the address.").eval(lookup).prepare(reg_ip),
    convert("map_reg_key", args(1, &[ArgKind::Map]), T::Str, T::Str, Lifetime::since(3, 0), "Looks the value up in a map file by regular expression; gives the key that matched.").eval(lookup).prepare(reg_key),
    convert("map_regm", args(1, &[ArgKind::Map, ArgKind::Str]), T::Str, T::Str, ALWAYS, "Looks the value up in a map file by regular expression, with its groups in the value; gives the text.").eval(lookup_groups).prepare(regm_str),
    convert("map_str", args(1, &[ArgKind::Map, ArgKind::Str]), T::Str, T::Str, ALWAYS, "Looks the value up in a map file by whole string; gives the text.").eval(lookup).prepare(str_str),
    convert("map_str_int", args(1, &[ArgKind::Map, ArgKind::Sint]), T::Str, T::Sint, ALWAYS, "Looks the value up in a map file by whole string; gives the integer.").eval(lookup).prepare(str_int),
    convert("map_str_ip", args(1, &[ArgKind::Map, ArgKind::Str]), T::Str, T::Addr, ALWAYS, "Looks the value up in a map file by whole string; gives the address.").eval(lookup).prepare(str_ip),
    convert("map_str_key", args(1, &[ArgKind::Map]), T::Str, T::Str, Lifetime::since(3, 0), "Looks the value up in a map file by whole string; gives the key that matched.").eval(lookup).prepare(str_key),
    convert("map_sub", args(1, &[ArgKind::Map, ArgKind::Str]), T::Str, T::Str, ALWAYS, "Looks the value up in a map file by substring; gives the text.").eval(lookup).prepare(sub_str),
    convert("map_sub_int", args(1, &[ArgKind::Map, ArgKind::Sint]), T::Str, T::Sint, ALWAYS, "Looks the value up in a map file by substring; gives the integer.").eval(lookup).prepare(sub_int),
    convert("map_sub_ip", args(1, &[ArgKind::Map, ArgKind::Str]), T::Str, T::Addr, ALWAYS, "Looks the value up in a map file by substring; gives the address.").eval(lookup).prepare(sub_ip),
    convert("map_sub_key", args(1, &[ArgKind::Map]), T::Str, T::Str, Lifetime::since(3, 0), "Looks the value up in a map file by substring; gives the key that matched.").eval(lookup).prepare(sub_key),
];

use std::borrow::Cow;

use rha_base::Value;
use rha_vocab::Match;

use crate::cast::text;
use crate::cx::{Cx, borrow};
use crate::map::{Kind, Map, Output, parse_addr};
use crate::names::{Names, Problem};
use crate::operand::Operand;

/// COMPAT: without a match the default; without a default nothing.
fn lookup<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let Operand::Map(map) = cx.arg(0) else { return None };
    map.find(v).or_else(|| default(cx))
}

fn lookup_groups<'a>(cx: &mut Cx<'a>, v: Value<'a>) -> Option<Value<'a>> {
    let Operand::Map(map) = cx.arg(0) else { return None };
    map.find_groups(&text(v)).map(|s| Value::Str(Cow::Owned(s))).or_else(|| default(cx))
}

fn default<'a>(cx: &Cx<'a>) -> Option<Value<'a>> {
    match cx.arg(1) {
        Operand::Str(s) => Some(Value::str(s)),
        Operand::Int(n) => Some(Value::Int(*n)),
        Operand::V4(a) => Some(Value::V4(*a)),
        Operand::V6(a) => Some(Value::V6(*a)),
        Operand::Value(v) => Some(borrow(v)),
        _ => None,
    }
}

fn load(args: &mut [Operand], names: &mut dyn Names, kind: Kind, output: Output) -> Result<(), Problem> {
    let Some(Operand::Str(path)) = args.first() else {
        return Err(Problem::Argument("a map needs a file".to_owned()));
    };
    let path = String::from_utf8_lossy(path).into_owned();
    let map = Map::shared(&path, kind, output, names)?;
    if let Some(first) = args.first_mut() {
        *first = Operand::Map(map);
    }
    if let (Output::Ip, Some(second @ Operand::Str(_))) = (output, args.get_mut(1))
        && let Operand::Str(text) = &*second
    {
        let wrong =
            || Problem::Argument(format!("cannot parse default ip <{}>.", String::from_utf8_lossy(text)));
        *second = Operand::Value(Box::new(parse_addr(text).ok_or_else(wrong)?));
    }
    Ok(())
}

macro_rules! loaders {
    ($($name:ident: $kind:expr, $output:ident;)*) => {
        $(fn $name(args: &mut Vec<Operand>, names: &mut dyn Names) -> Result<(), Problem> {
            load(args, names, $kind, Output::$output)
        })*
    };
}

loaders! {
    str_str: Kind::Match(Match::Str), Str;
    str_int: Kind::Match(Match::Str), Int;
    str_ip: Kind::Match(Match::Str), Ip;
    str_key: Kind::Match(Match::Str), Key;
    beg_str: Kind::Match(Match::Beg), Str;
    beg_int: Kind::Match(Match::Beg), Int;
    beg_ip: Kind::Match(Match::Beg), Ip;
    beg_key: Kind::Match(Match::Beg), Key;
    end_str: Kind::Match(Match::End), Str;
    end_int: Kind::Match(Match::End), Int;
    end_ip: Kind::Match(Match::End), Ip;
    end_key: Kind::Match(Match::End), Key;
    sub_str: Kind::Match(Match::Sub), Str;
    sub_int: Kind::Match(Match::Sub), Int;
    sub_ip: Kind::Match(Match::Sub), Ip;
    sub_key: Kind::Match(Match::Sub), Key;
    dir_str: Kind::Match(Match::Dir), Str;
    dir_int: Kind::Match(Match::Dir), Int;
    dir_ip: Kind::Match(Match::Dir), Ip;
    dir_key: Kind::Match(Match::Dir), Key;
    dom_str: Kind::Match(Match::Dom), Str;
    dom_int: Kind::Match(Match::Dom), Int;
    dom_ip: Kind::Match(Match::Dom), Ip;
    dom_key: Kind::Match(Match::Dom), Key;
    reg_str: Kind::Match(Match::Reg), Str;
    reg_int: Kind::Match(Match::Reg), Int;
    reg_ip: Kind::Match(Match::Reg), Ip;
    reg_key: Kind::Match(Match::Reg), Key;
    regm_str: Kind::RegexGroups, Str;
    ip_str: Kind::Match(Match::Ip), Str;
    ip_int: Kind::Match(Match::Ip), Int;
    ip_ip: Kind::Match(Match::Ip), Ip;
    ip_key: Kind::Match(Match::Ip), Key;
    int_str: Kind::Match(Match::Int), Str;
    int_int: Kind::Match(Match::Int), Int;
    int_ip: Kind::Match(Match::Int), Ip;
    int_key: Kind::Match(Match::Int), Key;
}
