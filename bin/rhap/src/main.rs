//! `rhap`: serves what a `haproxy.cfg` says.

mod options;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let _ = options::read(&words);
}
