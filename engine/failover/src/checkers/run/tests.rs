//! Real sockets on loopback and real programs: each kind of checker finds its server well, then gone.

use std::collections::BTreeSet;
use std::rc::Rc;

use rha_health::lvs::{CheckerPlan, HttpPlan, PoolPlan, ProbePlan, ServerPlan, UdpPlan, UrlPlan};
use rha_ir::Span;
use tokio::net::TcpListener;

use super::*;

const MS: u64 = 1000;

fn checker(probe: ProbePlan, target: SocketAddr) -> CheckerPlan {
    CheckerPlan {
        probe,
        target,
        timeout_us: 500 * MS,
        delay_loop_us: 50 * MS,
        warmup_us: 0,
        retry: 0,
        delay_before_retry_us: 50 * MS,
        alpha: true,
        log_all_failures: true,
    }
}

/// A virtual server whose only server has this checker.
fn pool(name: &str, checker: CheckerPlan, means: Means) -> (VirtualServerKey, Watched) {
    let server = ServerPlan {
        address: checker.target,
        weight: 1,
        inhibit: false,
        mail: false,
        checkers: vec![checker],
    };
    let plan = PoolPlan {
        name: name.to_owned(),
        protocol: "tcp",
        quorum: 1,
        hysteresis: 0,
        omega: false,
        mail: false,
        ha_suspend: false,
        sorry: None,
        servers: vec![server],
        router_id: "r".to_owned(),
        no_checker_emails: false,
        rs_init_notifies: false,
        detail: false,
    };
    let watched = Watched {
        plan,
        means: vec![vec![means]],
        service: Service { name: name.to_owned(), services: Vec::new(), servers: Vec::new(), sorry: None },
        quorum_up: None,
        quorum_down: None,
        notify: vec![(None, None)],
    };
    (VirtualServerKey::Group(name.to_owned()), watched)
}

fn socket() -> Means {
    Means::Socket(ProbeSource::default())
}

fn program(words: &[&str]) -> (ProbePlan, Means) {
    let argv = words.iter().map(|w| (*w).into()).collect();
    let command = Command { argv, user: None, disabled: None, origin: Span::default() };
    let name = words[0].to_owned();
    (ProbePlan::Misc { program: name, timeout_us: 300 * MS, dynamic: false }, Means::Program(command))
}

/// Answers each connection with these texts, one after each thing it hears (the first at once), and closes with the last.
async fn answer(listener: Rc<TcpListener>, texts: &'static [&'static str]) {
    while let Ok((mut stream, _)) = listener.accept().await {
        spawn_local(async move {
            let mut heard = [0u8; 512];
            for (n, text) in (1..).zip(texts) {
                if !text.is_empty() && stream.write_all(text.as_bytes()).await.is_err() {
                    return;
                }
                if n == texts.len() || stream.read(&mut heard).await.unwrap_or(0) == 0 {
                    return;
                }
            }
        });
    }
}

/// Turns every datagram round, with the third byte's top bit set: a name server's answer, if it was a question.
async fn echo(socket: UdpSocket) {
    let mut buffer = [0u8; 512];
    while let Ok((len, from)) = socket.recv_from(&mut buffer).await {
        buffer[2] |= 0x80;
        let _ = socket.send_to(&buffer[..len], from).await;
    }
}

struct Site {
    news: UnboundedSender<News>,
    told: UnboundedReceiver<Told>,
}

impl Site {
    fn start(watched: Vec<(VirtualServerKey, Watched)>) -> (Site, tokio::task::JoinHandle<()>) {
        let (news, hears) = unbounded_channel();
        let (tells, told) = unbounded_channel();
        let task = spawn_local(run(watched, 1, ScriptOutput::Nowhere, hears, tells));
        (Site { news, told }, task)
    }

    /// Waits until each of the lines has been said.
    async fn until(&mut self, lines: &[&str]) -> Vec<Told> {
        let mut missing: BTreeSet<&str> = lines.iter().copied().collect();
        let mut all = Vec::new();
        let heard = tokio::time::timeout(Duration::from_secs(20), async {
            while !missing.is_empty() {
                let Some(told) = self.told.recv().await else { break };
                if let Told::Log(line) = &told {
                    missing.retain(|m| m != line);
                }
                all.push(told);
            }
        });
        let _ = heard.await;
        assert!(missing.is_empty(), "never said: {missing:?}; said: {all:?}");
        all
    }
}

async fn tcp() -> (Rc<TcpListener>, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (Rc::new(listener), address)
}

async fn udp() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    spawn_local(echo(socket));
    address
}

#[test]
fn each_kind_finds_a_well_server() {
    rha_net::run_local(async {
        let (plain, at_tcp) = tcp().await;
        let (web, at_web) = tcp().await;
        let (mail, at_mail) = tcp().await;
        let (at_dns, at_udp) = (udp().await, udp().await);
        spawn_local(answer(plain, &[""]));
        spawn_local(answer(web, &["", "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"]));
        spawn_local(answer(mail, &["220 hi\r\n", "250 ok\r\n", "221 bye\r\n"]));
        let url = UrlPlan { path: "/".to_owned(), ..UrlPlan::default() };
        let http = ProbePlan::Http(HttpPlan { urls: vec![url], ..HttpPlan::default() });
        let reply = UdpPlan { payload: b"abc".to_vec(), required: true, max_len: 255, ..UdpPlan::default() };
        let dns = ProbePlan::Dns { kind: 1, name: "example.com".to_owned() };
        let (well, means) = program(&["/bin/true"]);
        let (mut site, task) = Site::start(vec![
            pool("tcp", checker(ProbePlan::Tcp, at_tcp), socket()),
            pool("http", checker(http, at_web), socket()),
            pool("smtp", checker(ProbePlan::Smtp { helo: "lb".to_owned() }, at_mail), socket()),
            pool("dns", checker(dns, at_dns), socket()),
            pool("udp", checker(ProbePlan::Udp(reply), at_udp), socket()),
            pool("misc", checker(well, at_tcp), means),
        ]);
        let name = |a: SocketAddr| format!("[{}]:tcp:{}", a.ip(), a.port());
        let said = site
            .until(&[
                &format!("TCP connection to {} success.", name(at_tcp)),
                &format!("Remote Web server {} succeed on service.", name(at_web)),
                &format!("Remote SMTP server {} succeed on service.", name(at_mail)),
                &format!("Adding service {} to VS dns", name(at_dns)),
                &format!("UDP connection to {} success.", name(at_udp)),
                &format!("Misc check for [{} VS misc] by [/bin/true] succeeded.", name(at_tcp)),
                "Gained quorum 1+0=1 <= 1 for VS misc",
            ])
            .await;
        assert!(!said.iter().any(|t| matches!(t, Told::Log(l) if l.contains("failed"))), "{said:?}");
        site.news.send(News::Stop).unwrap();
        task.await.unwrap();
        let mut removed = 0;
        while let Ok(told) = site.told.try_recv() {
            removed += usize::from(matches!(told, Told::Kernel { change: KernelChange::Remove { .. }, .. }));
        }
        assert_eq!(removed, 6);
    })
    .unwrap();
}

#[test]
fn each_kind_notices_a_dead_server() {
    rha_net::run_local(async {
        // a port nobody listens on any more
        let (closed, nowhere) = tcp().await;
        drop(closed);
        let (silent, at_silent) = tcp().await;
        let url = UrlPlan { path: "/".to_owned(), ..UrlPlan::default() };
        let http = || ProbePlan::Http(HttpPlan { urls: vec![url.clone()], ..HttpPlan::default() });
        let (late, sleeps) = program(&["/bin/sleep", "30"]);
        let (sick, fails) = program(&["/bin/sh", "-c", "exit 3"]);
        let (gone, missing) = program(&["/nonexistent"]);
        let down = |probe, target| CheckerPlan { alpha: false, ..checker(probe, target) };
        let (mut site, task) = Site::start(vec![
            pool("tcp", down(ProbePlan::Tcp, nowhere), socket()),
            pool("http", down(http(), nowhere), socket()),
            pool("silent", down(http(), at_silent), socket()),
            pool("dns", down(ProbePlan::Dns { kind: 1, name: ".".to_owned() }, nowhere), socket()),
            pool("udp", down(ProbePlan::Udp(UdpPlan::default()), nowhere), socket()),
            pool("late", down(late, nowhere), sleeps),
            pool("sick", down(sick, nowhere), fails),
            pool("gone", down(gone, nowhere), missing),
        ]);
        let name = |a: SocketAddr| format!("[{}]:tcp:{}", a.ip(), a.port());
        let (n, s) = (name(nowhere), name(at_silent));
        let misc = |vs: &str, program: &str, how: &str| {
            format!("Misc check for [{n} VS {vs}] by [{program}] {how}.")
        };
        site.until(&[
            &format!("TCP connection to {n} failed."),
            &format!("TCP_CHECK on service {n} failed."),
            &format!("Connection failed server {n}."),
            &format!("Timeout WEB read server {s}."),
            &format!("HTTP_CHECK on service {s} failed."),
            &format!("DNS_CHECK ({n}) failed to read socket; errno 111 (Connection refused)"),
            &format!("UDP_CHECK on service {n} failed."),
            &misc("late", "/bin/sleep", "timed out with retry disabled"),
            &misc("sick", "/bin/sh", "failed with retry disabled (exited with status 3)"),
            &misc("gone", "/nonexistent", "failed with retry disabled (exited with status 127)"),
            "Lost quorum 1-0=1 > 0 for VS gone",
        ])
        .await;
        drop(silent);
        site.news.send(News::Stop).unwrap();
        task.await.unwrap();
    })
    .unwrap();
}

#[test]
fn news_reach_the_machines() {
    rha_net::run_local(async {
        let target: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let bfd = ProbePlan::Bfd { instance: "peer".to_owned() };
        let file = ProbePlan::File { file: "f".to_owned(), weight: 0, reverse: false };
        let (key, mut two) = pool("news", checker(bfd, target), Means::None);
        two.plan.servers[0].checkers.push(CheckerPlan { alpha: false, ..checker(file, target) });
        two.means[0].push(Means::None);
        let script =
            Command { argv: vec!["/up".into()], user: None, disabled: None, origin: Span::default() };
        two.notify = vec![(Some(script.clone()), None)];
        let (mut site, task) = Site::start(vec![(key.clone(), two.clone())]);
        site.news.send(News::Bfd { instance: "peer".to_owned(), up: true }).unwrap();
        let said = site.until(&["BFD check of [peer] RS([127.0.0.1]:tcp:1) is UP"]).await;
        let add = KernelChange::Add { server: 0, weight: 1 };
        assert!(!said.contains(&Told::Script(script.clone())));
        let said = site.until(&["Gained quorum 1+0=1 <= 1 for VS news"]).await;
        assert!(said.contains(&Told::Kernel { pool: 0, change: add }), "{said:?}");
        assert!(said.contains(&Told::Script(script)));
        site.news.send(News::File { name: "f".to_owned(), value: 1 }).unwrap();
        site.until(&["Lost quorum 1-0=1 > 0 for VS news"]).await;
        // a reload knows the file's value and the session's state, and says nothing about what is the same
        site.news.send(News::Reload(vec![(key, two)])).unwrap();
        site.news.send(News::File { name: "f".to_owned(), value: 0 }).unwrap();
        let said = site.until(&["Gained quorum 1+0=1 <= 1 for VS news"]).await;
        assert!(said.contains(&Told::Kernel { pool: 0, change: add }), "{said:?}");
        let lines = said.iter().filter(|t| matches!(t, Told::Log(_))).count();
        assert_eq!(lines, 2, "{said:?}");
        site.news.send(News::Reload(Vec::new())).unwrap();
        site.until(&["Shutting down service [127.0.0.1]:tcp:1 from VS news"]).await;
        site.news.send(News::Stop).unwrap();
        task.await.unwrap();
    })
    .unwrap();
}
