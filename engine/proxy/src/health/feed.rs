//! What workers see of servers, on its way to the watch (`observe layer4|layer7`).

use rha_base::ProxyId;
use rha_health::Traffic;
use rha_ir::Observe;
use tokio::sync::mpsc;

use super::targets::observed;
use crate::health_hook::{Observer, Seen};
use crate::plan::Plan;

/// One thing seen.
#[derive(Debug)]
pub(crate) struct Sight {
    pub proxy: ProxyId,
    pub server: usize,
    pub traffic: Traffic,
}

/// The workers' end: passes on only what the server's setting looks at.
#[derive(Debug)]
pub(crate) struct Feed {
    observe: Vec<Vec<Observe>>,
    sender: mpsc::UnboundedSender<Sight>,
}

impl Feed {
    /// A feed for a plan, none if no server is observed, and the watch's end.
    pub(crate) fn new(plan: &Plan) -> (Option<Feed>, mpsc::UnboundedReceiver<Sight>) {
        let observe: Vec<Vec<Observe>> =
            plan.proxies.iter().map(|p| p.model.service.servers.iter().map(observed).collect()).collect();
        let (sender, receiver) = mpsc::unbounded_channel();
        let any = observe.iter().flatten().any(|o| *o != Observe::None);
        (any.then_some(Feed { observe, sender }), receiver)
    }
}

impl Observer for Feed {
    fn seen(&self, backend: ProxyId, server: usize, what: Seen) {
        let observe = self.observe.get(backend.0 as usize).and_then(|s| s.get(server)).copied();
        if !matches!(observe, Some(Observe::Layer4 | Observe::Layer7)) {
            return;
        }
        let _ = self.sender.send(Sight { proxy: backend, server, traffic: traffic(what) });
    }
}

/// COMPAT: 501 and 505 are the client's doing and count as good responses.
fn traffic(what: Seen) -> Traffic {
    match what {
        Seen::Connected => Traffic::Connected,
        Seen::ConnectFailed => Traffic::ConnectFailed,
        Seen::Status(100..=499 | 501 | 505) => Traffic::Response,
        Seen::Status(_) => Traffic::WrongStatus,
        Seen::Garbage => Traffic::BadHeaders,
        Seen::Timeout => Traffic::ReadTimeout,
        Seen::Broken => Traffic::Closed,
    }
}
