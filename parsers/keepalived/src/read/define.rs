//! `$NAME=value`, and what `$NAME` and `${NAME}` give.

use std::rc::Rc;

use hashbrown::HashMap;

/// Where a value comes from.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// Written, or predefined as text.
    Text(Rc<str>),
    /// `${_PWD}`.
    Directory,
    /// `${_INSTANCE}`.
    Instance,
    /// `${_RANDOM [min [max]]}`.
    Random,
}

/// One definition.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    pub value: Value,
    /// Several lines, separated by line feeds.
    pub multiline: bool,
}

impl Definition {
    /// Its text when it is text.
    pub fn text(&self) -> Rc<str> {
        match &self.value {
            Value::Text(t) => t.clone(),
            _ => Rc::from(""),
        }
    }
}

/// A use of a definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Use {
    /// Which definition; `None` for an environment variable.
    pub index: Option<usize>,
    /// Bytes behind the `$` that it takes up.
    pub len: usize,
    /// Parameters behind the name.
    pub params: String,
}

/// All definitions of a pass.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    all: Vec<Definition>,
    by_name: HashMap<String, usize>,
}

impl Definitions {
    /// With the predefined ones.
    pub fn standard() -> Self {
        let mut d = Definitions::default();
        d.put("_PWD", Value::Directory, false);
        d.put("_INSTANCE", Value::Instance, false);
        d.put("_RANDOM", Value::Random, false);
        d.put("_HASH", Value::Text(Rc::from("#")), false);
        d.put("_BANG", Value::Text(Rc::from("!")), false);
        d
    }

    /// A definition by its number.
    pub fn get(&self, index: usize) -> Option<&Definition> {
        self.all.get(index)
    }

    /// A definition to change.
    pub fn get_mut(&mut self, index: usize) -> Option<&mut Definition> {
        self.all.get_mut(index)
    }

    fn put(&mut self, name: &str, value: Value, multiline: bool) -> usize {
        if let Some(&index) = self.by_name.get(name) {
            if let Some(d) = self.all.get_mut(index) {
                d.value = value;
                d.multiline = multiline;
            }
            return index;
        }
        self.by_name.insert(name.to_owned(), self.all.len());
        self.all.push(Definition { value, multiline });
        self.all.len() - 1
    }

    /// Sets the variable of a `~SEQ` or `~LST`; whether it is of several lines stays.
    pub fn set(&mut self, name: &str, value: &str) {
        let multiline = self.by_name.get(name).and_then(|i| self.all.get(*i)).is_some_and(|d| d.multiline);
        self.put(name, Value::Text(Rc::from(value)), multiline);
    }

    /// Takes a line that is a definition; gives its number.
    ///
    /// COMPAT: no blank before `=`; blanks behind it are skipped; a `\` at the end makes it one of
    /// several lines.
    pub fn define(&mut self, line: &str) -> Option<usize> {
        let rest = line.strip_prefix('$')?;
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return None;
        }
        let (name, value) = rest.split_once('=')?;
        if !name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_') {
            return None;
        }
        let value = value.trim_start_matches([' ', '\t']);
        let Some(first) = value.strip_suffix('\\') else {
            return Some(self.put(name, Value::Text(Rc::from(value)), false));
        };
        let first = first.trim_end_matches([' ', '\t']);
        let text = if first.is_empty() { String::new() } else { format!("{first}\n") };
        Some(self.put(name, Value::Text(Rc::from(text)), true))
    }

    /// Whether what follows a `$` is a use of a definition.
    ///
    /// COMPAT: without braces the name must be followed by a blank, `,`, `)` or the end; a definition of
    /// several lines must be the last word of its line. `environment` says whether `${_ENV NAME}` is
    /// known.
    pub fn find(&self, text: &str, environment: bool) -> Option<Use> {
        let (braces, body) = match text.strip_prefix('{') {
            Some(b) => (true, b),
            None => (false, text),
        };
        if !body.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            return None;
        }
        let len = body.bytes().take_while(|c| c.is_ascii_alphanumeric() || *c == b'_').count();
        let (name, rest) = (body.get(..len)?, body.get(len..)?);
        if !braces {
            if !matches!(rest.as_bytes().first(), None | Some(b' ' | b'\t' | b',' | b')')) {
                return None;
            }
            let index = self.visible(name, rest.is_empty())?;
            return Some(Use { index: Some(index), len, params: String::new() });
        }
        let close = rest.find('}')?;
        let (params, behind) = (rest.get(..close)?, rest.get(close + 1..)?);
        let len = len + close + 2;
        if environment && name == "_ENV" && params.starts_with(' ') {
            return Some(Use { index: None, len, params: params.trim().to_owned() });
        }
        if !params.bytes().all(|c| c == b' ' || c.is_ascii_digit()) {
            return None;
        }
        let index = self.visible(name, behind.is_empty())?;
        let takes = matches!(self.get(index)?.value, Value::Random);
        let written = params.trim();
        if !written.is_empty() && (!takes || params.ends_with(' ')) {
            return None;
        }
        Some(Use { index: Some(index), len, params: written.to_owned() })
    }

    fn visible(&self, name: &str, at_end: bool) -> Option<usize> {
        let index = *self.by_name.get(name)?;
        (at_end || !self.get(index)?.multiline).then_some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_found_where_they_may_stand() {
        let mut d = Definitions::standard();
        assert!(d.define("$A=1").is_some());
        assert!(d.define("$B= x \\").is_some_and(|i| d.get(i).is_some_and(|d| d.multiline)));
        assert!(d.define("$A =1").is_none());
        assert!(d.define("$1=1").is_none());
        assert_eq!(d.find("A", false).map(|u| u.len), Some(1));
        assert_eq!(d.find("A.b", false), None);
        assert_eq!(d.find("{A}b", false).map(|u| u.len), Some(3));
        assert_eq!(d.find("B x", false), None);
        assert_eq!(d.find("B", false).map(|u| u.len), Some(1));
        assert_eq!(d.find("NONE", false), None);
        assert_eq!(d.find("{_RANDOM 1 5}", false).map(|u| u.params), Some("1 5".to_owned()));
        assert_eq!(d.find("{A 1}", false), None);
        assert_eq!(d.find("{_ENV X}", false), None);
        assert_eq!(d.find("{_ENV X}", true).map(|u| u.params), Some("X".to_owned()));
    }
}
