//! `SSL_GET` against servers that do well, do badly, and end in every way.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rha_compat_tests::balancer::{Balancer, Service, Space, assert_same};
use rha_compat_tests::lan::{Who, impossible};
use rha_compat_tests::steadily;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned, version};

use super::virtual_server;

/// Made for one run.
pub struct Certificate {
    der: CertificateDer<'static>,
    key: Vec<u8>,
    pem: String,
    key_pem: String,
}

impl Certificate {
    pub fn new() -> Certificate {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["www.example".to_owned()]).unwrap();
        Certificate {
            der: cert.der().clone(),
            key: signing_key.serialize_der(),
            pem: cert.pem(),
            key_pem: signing_key.serialize_pem(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    Tls12,
    Tls13,
}

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With `close_notify`.
    Said,
    /// Without.
    Cut,
    /// Not before the service.
    Never,
}

fn config(certificate: &Certificate, version: Version, asks: bool) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let versions = match version {
        Version::Tls12 => &[&version::TLS12],
        Version::Tls13 => &[&version::TLS13],
    };
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).unwrap();
    let builder = if asks {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.der.clone()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        builder.with_client_cert_verifier(verifier.build().unwrap())
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(certificate.key.clone()));
    Arc::new(builder.with_single_cert(vec![certificate.der.clone()], key).unwrap())
}

/// A server that says this to every request; what name it was asked for is handed on.
pub fn serve(
    address: &str,
    certificate: &Certificate,
    version: Version,
    page: &'static str,
    end: End,
    name: impl Fn(Option<&str>) + Send + Sync + 'static,
) -> Service {
    let config = config(certificate, version, false);
    Service::tcp(address, move |stream, stop| answer(stream, stop, config.clone(), (page, end), &name))
}

fn answer(
    stream: TcpStream,
    stop: &AtomicBool,
    config: Arc<ServerConfig>,
    (page, end): (&str, End),
    name: &(impl Fn(Option<&str>) + ?Sized),
) {
    let mut tls = StreamOwned::new(ServerConnection::new(config).unwrap(), stream);
    let mut heard = Vec::new();
    let mut bytes = [0; 512];
    while !heard.windows(4).any(|w| w == b"\r\n\r\n") {
        match tls.read(&mut bytes) {
            Ok(0) | Err(_) => return,
            Ok(len) => heard.extend_from_slice(&bytes[..len]),
        }
    }
    name(tls.conn.server_name());
    if tls.write_all(page.as_bytes()).and_then(|()| tls.flush()).is_err() {
        return;
    }
    match end {
        End::Said => {
            tls.conn.send_close_notify();
            let _ = tls.flush();
        }
        End::Cut => {}
        End::Never => while !stop.load(Ordering::Relaxed) && tls.sock.read(&mut bytes).is_err() {},
    }
    let _ = tls.sock.shutdown(Shutdown::Write);
    // what the other side has still to say is heard, so that nothing is reset
    while tls.sock.read(&mut bytes).is_ok_and(|len| len > 0) {}
}

const OK: &str = "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello";
const HALF: &str = "HTTP/1.0 200 OK\r\n";
const MISSING: &str = "HTTP/1.0 404 Not Found\r\n\r\n";

fn get(more: &str) -> String {
    format!(
        "SSL_GET {{\n connect_timeout 2\n retry 0\n log_all_failures\n {more}\n url {{\n path /\n status_code 200\n }}\n }}"
    )
}

/// The last line about a server that is found dead.
fn lost(port: u16) -> String {
    format!("Lost quorum 1-0=1 > 0 for VS [10.9.9.9]:tcp:{port}")
}

/// Runs until there is a verdict on every server; lines, and names that were asked for.
fn judge(who: Who, globals: &str, cases: &[(Version, &'static str, End, &str)]) -> Vec<String> {
    let _space = Space::enter();
    let certificate = Certificate::new();
    let names: Arc<Mutex<Vec<String>>> = Arc::default();
    let mut services = Vec::new();
    let mut configuration = globals.to_owned();
    for (port, (version, page, end, more)) in (7001u16..).zip(cases) {
        let heard = names.clone();
        let tell = move |name: Option<&str>| heard.lock().unwrap().push(format!("{port} {name:?}"));
        services.push(serve(&format!("127.0.0.11:{port}"), &certificate, *version, page, *end, tell));
        configuration += &virtual_server(port, "127.0.0.11", &get(more));
    }
    let mut balancer = Balancer::start(who, &configuration);
    let verdicts: Vec<String> = (7001u16..)
        .zip(cases)
        .map(|(port, (_, page, end, _))| {
            let well = page.starts_with("HTTP/1.0 200 OK\r\nContent-Length") && *end != End::Never;
            if well {
                format!("Remote Web server [127.0.0.11]:tcp:{port} succeed on service.")
            } else {
                lost(port)
            }
        })
        .collect();
    balancer.until(&verdicts.iter().map(String::as_str).collect::<Vec<_>>());
    let mut notes: Vec<String> =
        balancer.about_servers().into_iter().filter(|l| l.contains("[127.0.0.11]")).collect();
    drop(balancer);
    drop(services);
    let mut names = names.lock().unwrap().clone();
    names.sort_unstable();
    names.dedup();
    notes.extend(names);
    notes
}

#[test]
fn pages_over_tls_are_judged() {
    if impossible("pages_over_tls_are_judged").is_some() {
        return;
    }
    use Version::{Tls12, Tls13};
    steadily(|| {
        assert_same(|who| {
            judge(
                who,
                "",
                &[
                    (Tls13, OK, End::Said, ""),
                    (Tls12, OK, End::Said, "http_protocol 1.1"),
                    (Tls13, "", End::Said, ""),
                    (Tls12, "", End::Said, ""),
                    (Tls12, HALF, End::Said, ""),
                    (Tls13, MISSING, End::Said, ""),
                    (Tls12, "", End::Never, ""),
                    (Tls13, "", End::Never, ""),
                    (Tls12, HALF, End::Never, ""),
                    (Tls13, OK, End::Never, ""),
                    (Tls13, OK, End::Said, "enable_sni"),
                    (Tls13, OK, End::Said, "virtualhost www.example"),
                    (Tls13, OK, End::Said, "enable_sni\n virtualhost www.example"),
                    (Tls12, OK, End::Said, "enable_sni\n virtualhost 10.0.0.1\n enable_sni off"),
                ],
            )
        })
    });
}

/// COMPAT: apart from the others, because OpenSSL's errors about one connection stay where the original looks for
/// those of the next.
#[test]
fn connections_that_break_off_are_judged() {
    if impossible("connections_that_break_off_are_judged").is_some() {
        return;
    }
    use Version::Tls12;
    steadily(|| {
        assert_same(|who| {
            judge(
                who,
                "",
                &[(Tls12, OK, End::Cut, ""), (Tls12, "", End::Cut, ""), (Tls12, HALF, End::Cut, "")],
            )
        })
    });
}

#[test]
fn what_is_no_tls_is_a_failure() {
    if impossible("what_is_no_tls_is_a_failure").is_some() {
        return;
    }
    steadily(|| {
        assert_same(|who| {
            let _space = Space::enter();
            let _plain = Service::lines("127.0.0.11:7001", &["", "HTTP/1.0 400 Bad Request\r\n\r\n"]);
            let _mute = Service::tcp("127.0.0.11:7002", |mut stream, stop| {
                let mut bytes = [0; 512];
                while !stop.load(Ordering::Relaxed) && stream.read(&mut bytes).is_ok_and(|len| len > 0) {}
            });
            let ports: [u16; 3] = [7001, 7002, 7003];
            let configuration: String =
                ports.iter().map(|port| virtual_server(*port, "127.0.0.11", &get(""))).collect();
            let mut balancer = Balancer::start(who, &configuration);
            balancer.until(&ports.map(lost).each_ref().map(String::as_str));
            balancer.about_servers()
        })
    });
}

#[test]
fn a_certificate_is_shown_to_who_asks() {
    if impossible("a_certificate_is_shown_to_who_asks").is_some() {
        return;
    }
    steadily(|| {
        assert_same(|who| {
            let _space = Space::enter();
            let (certificate, folder) = (Certificate::new(), tempfile::tempdir().unwrap());
            // its /tmp hides the folder
            let folder_of_ours = std::path::Path::new("/run").join(folder.path().file_name().unwrap());
            std::fs::create_dir(&folder_of_ours).unwrap();
            let file = |name: &str, text: &str| {
                let path = folder_of_ours.join(name);
                std::fs::write(&path, text).unwrap();
                path.display().to_string()
            };
            let (shown, key) = (file("c.pem", &certificate.pem), file("k.pem", &certificate.key_pem));
            let config = config(&certificate, Version::Tls12, true);
            let _service = Service::tcp("127.0.0.11:7001", move |stream, stop| {
                answer(stream, stop, config.clone(), (OK, End::Said), &|_| {});
            });
            let ssl = format!("SSL {{\n certificate {shown}\n key {key}\n ca {shown}\n}}\n");
            let mut balancer = Balancer::start(who, &(ssl + &virtual_server(7001, "127.0.0.11", &get(""))));
            balancer.until(&["Remote Web server [127.0.0.11]:tcp:7001 succeed on service."]);
            let notes = balancer.about_servers();
            drop(balancer);
            std::fs::remove_dir_all(&folder_of_ours).unwrap();
            notes
        })
    });
}

#[test]
fn bad_files_end_the_daemon() {
    if impossible("bad_files_end_the_daemon").is_some() {
        return;
    }
    steadily(|| {
        assert_same(|who| {
            let _space = Space::enter();
            ["ca", "certificate", "key"]
                .map(|word| {
                    let ssl = format!("SSL {{\n {word} /nonexistent\n}}\n");
                    let mut balancer =
                        Balancer::start(who, &(ssl + &virtual_server(7001, "127.0.0.11", &get(""))));
                    balancer.until(&["SSL error : Cant load", "Terminate..."]);
                    (word, balancer.ended())
                })
                .to_vec()
        })
    });
}

/// Ours alone: the original ends there.
#[test]
fn bad_files_refuse_a_reload() {
    if impossible("bad_files_refuse_a_reload").is_some() {
        return;
    }
    steadily(|| {
        let case = || {
            let _space = Space::enter();
            let certificate = Certificate::new();
            let _service = serve("127.0.0.11:7001", &certificate, Version::Tls13, OK, End::Said, |_| {});
            let well = virtual_server(7001, "127.0.0.11", &get(""));
            let mut balancer = Balancer::start(Who::Ours, &well);
            balancer.until(&["Remote Web server [127.0.0.11]:tcp:7001 succeed on service."]);
            let bad = format!("SSL {{\n key /nonexistent\n}}\n{well}");
            std::fs::write(balancer.file("k.conf"), bad).unwrap();
            balancer.signal("-HUP");
            balancer.until(&["SSL error : Cant load key file...", "The running configuration stays"]);
            std::fs::write(balancer.file("k.conf"), well).unwrap();
            balancer.signal("-HUP");
            balancer.until(&["Reload complete"]);
        };
        // the namespace is this thread's
        std::thread::scope(|s| s.spawn(case).join().unwrap());
    });
}
