//! Request out, response in: heads, bodies both ways, interim responses, and every way this can end.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll};

use rha_base::{Phase, Side as Fault, Tick};
use rha_http1::{Body, BodyOut, Parsed, ToClient, ToServer};
use rha_vocab::Dialect;

use super::Next;
use super::body::{Transfer, take_body};
use crate::answer::Judgement;
use crate::eviction::{Eviction, breaks};
use crate::health_hook::{Seen, answered};
use crate::rules::{Done, Subject};
use crate::stream::Stream;

/// Reads of one direction before others get their turn.
const TURNS: u32 = 8;

/// How an exchange ended.
pub(super) enum Outcome {
    /// The client has its answer, or is past getting one.
    Done(Next),
    /// `retry-on` asks for another try.
    Again,
    /// A reused connection turned out to be closed before anything was answered; nothing is lost.
    Stale,
}

/// What a step of the exchange came to.
enum Event {
    /// The response head is parsed.
    Head,
    /// Both bodies are through.
    Through,
    /// The server closed before a response.
    ServerClosed,
    /// Connection to the server broke.
    ServerBroken,
    /// The response is not HTTP.
    Garbage,
    /// The response's body ended early.
    Truncated,
    /// The client closed or broke.
    ClientGone,
    /// The client's body is broken.
    ClientGarbage,
    /// A deadline passed.
    Timeout { client: bool },
    /// All streams of the server are ended.
    Evicted(Eviction),
    /// `tcp-response` rules have waited long enough.
    Judge,
    /// They ended the stream.
    Judged(Judgement),
}

struct Exchange {
    up: Transfer,
    down: Transfer,
    head: bool,
    client_until: Tick,
    server_until: Tick,
    /// Whether any byte of a response has come.
    answered: bool,
    /// Bytes of the client were read that cannot be sent a second time.
    consumed: bool,
    /// The whole request stood in the buffer when it was sent.
    repeatable: bool,
    /// Until when `tcp-response` rules may wait for the response; never if they do not.
    judge_until: Tick,
}

impl Stream {
    /// Sends the request and brings the response back.
    pub(super) async fn exchange(&mut self) -> Outcome {
        let bytes_in = self.bytes_in;
        let mut x = self.start_request();
        // Head and first body bytes leave together.
        if let Some(end) = self.judge_request(&mut x) {
            return end;
        }
        match self.drive_to_head(&mut x).await {
            Event::Head if !self.asks_for_retry(&Event::Head, &x) => {}
            e if self.asks_for_retry(&e, &x) => {
                self.bytes_in = bytes_in;
                if matches!(e, Event::Head) {
                    let status = self.parts.response.head.status();
                    self.tell_health(Seen::Status(status));
                }
                return Outcome::Again;
            }
            e => return self.no_response(e, &x).await,
        }
        if std::mem::replace(&mut x.judge_until, Tick::NEVER) != Tick::NEVER
            && let Some(end) = self.judge_head()
        {
            return end;
        }
        self.finish_exchange(x).await
    }

    /// `tcp-response` rules before there is a response.
    fn judge_request(&mut self, x: &mut Exchange) -> Option<Outcome> {
        if !self.has_answer_rules() {
            return None;
        }
        let until = self.answer_patience();
        match self.judge_answer(until.is_some()) {
            None => x.judge_until = until.unwrap_or(Tick::NEVER),
            Some(Judgement::Pass) => {}
            Some(j) => return Some(self.cut_off(j)),
        }
        None
    }

    /// The same rules when the response's head is here.
    fn judge_head(&mut self) -> Option<Outcome> {
        match self.judge_answer(false) {
            Some(Judgement::Close) => {
                self.server_keep = false;
                None
            }
            Some(j @ (Judgement::Reject | Judgement::Reset)) => {
                self.status = self.parts.response.head.status();
                self.bytes_out += self.parts.response.logged_head() + self.buffered_size().unwrap_or(0);
                Some(self.cut_off(j))
            }
            _ => None,
        }
    }

    fn cut_off(&mut self, judgement: Judgement) -> Outcome {
        self.server_conn = None;
        self.reject_answer();
        Outcome::Done(if judgement == Judgement::Reset { Next::Reset } else { Next::Close })
    }

    /// Runs the exchange to the response's head; rules that have waited long enough decide without it.
    async fn drive_to_head(&mut self, x: &mut Exchange) -> Event {
        loop {
            match self.drive(x).await {
                Event::Judge => {
                    x.judge_until = Tick::NEVER;
                    match self.judge_answer(false) {
                        None | Some(Judgement::Pass) => {}
                        Some(j) => return Event::Judged(j),
                    }
                }
                e => return e,
            }
        }
    }

    /// Whether what came, or did not come, is to be answered by sending the request again. COMPAT: only a request
    /// that was all there when it was sent can be (`http_basic/retry-*`).
    fn asks_for_retry(&self, e: &Event, x: &Exchange) -> bool {
        let Some(on) = &self.backend_or_front().retry_on else { return false };
        if !x.repeatable || self.no_l7_retry || self.retries >= self.retries_allowed() {
            return false;
        }
        match e {
            Event::Head => on.statuses.contains(&self.parts.response.head.status()),
            Event::ServerClosed | Event::ServerBroken => on.empty,
            Event::Garbage => on.junk,
            Event::Timeout { client: false } => on.timeout,
            _ => false,
        }
    }

    /// Tells the checks what live traffic saw of the server.
    fn tell_health(&self, seen: Seen) {
        if let (Some(b), Some(s)) = (self.backend, self.server) {
            answered(&self.session.plan, b, s, seen);
        }
    }

    fn start_request(&mut self) -> Exchange {
        let back = self.backend_or_front();
        let keep = self.server_may_keep();
        let pretend = back.model.options.http_pretend_keepalive;
        self.name_server();
        let mut out = self.session.worker.take_text();
        let r = &self.parts.request;
        let sent = r.head.write(&r.buf, ToServer { keep, pretend_keep: pretend }, &mut out);
        self.server_keep = sent.keep;
        self.adjust_for_server(&mut out);
        let mut body = r.head.body();
        let mut done = body.is_done();
        let mut consumed = 0;
        if !done {
            let rest = r.rest();
            let text = &mut self.parts.text;
            if let Ok(step) = body.relay(rest, text) {
                consumed = step.consumed;
                self.bytes_in += step.size as u64;
                if sent.body == BodyOut::Same {
                    out.extend_from_slice(if step.rewritten {
                        text
                    } else {
                        rest.get(..consumed).unwrap_or_default()
                    });
                }
                done = step.done;
            }
        }
        let rest = self.parts.request.rest().get(consumed..).unwrap_or_default();
        if done && !rest.is_empty() && self.session.left.is_empty() {
            self.session.left.extend_from_slice(rest);
        }
        let resp = &mut self.parts.response;
        resp.clear();
        if resp.buf.is_empty() {
            resp.buf = self.session.worker.buffers.take();
        }
        let now = self.now().tick();
        Exchange {
            up: Transfer { body, how: sent.body, kept: out, from: 0, done },
            down: Transfer { body: Body::None, how: BodyOut::Same, kept: Vec::new(), from: 0, done: false },
            head: false,
            client_until: if done || self.only_server_times() {
                Tick::NEVER
            } else {
                self.client_timeout().from(now)
            },
            server_until: self.server_timeout().from(now),
            answered: false,
            consumed: false,
            repeatable: done,
            judge_until: Tick::NEVER,
        }
    }

    /// COMPAT: before 2.8 the client's timeout rests, and the server's runs, from the first byte sent to
    /// the server until its response.
    fn only_server_times(&self) -> bool {
        self.session.plan.dialect < Dialect::V2_8
    }

    fn client_timeout(&self) -> crate::plan::Timeout {
        self.timeout_client.unwrap_or(self.frontend().timeouts.client)
    }

    fn server_timeout(&self) -> crate::plan::Timeout {
        self.timeout_server.unwrap_or(self.backend_or_front().timeouts.server)
    }

    /// Runs the exchange until something is to be decided.
    async fn drive(&mut self, x: &mut Exchange) -> Event {
        self.session.set_deadline(x.client_until.min(x.server_until).min(x.judge_until));
        let watch = self.backend_or_front().abort_on_close;
        poll_fn(|cx| self.poll_exchange(cx, x, watch)).await
    }

    fn poll_exchange(&mut self, cx: &mut Context<'_>, x: &mut Exchange, watch: bool) -> Poll<Event> {
        let mut moved = false;
        if !x.up.finished()
            && let Poll::Ready(e) = self.poll_up(cx, x, &mut moved)
        {
            return Poll::Ready(e);
        }
        let down = if x.head { self.poll_down(cx, x, &mut moved) } else { self.poll_head(cx, x, &mut moved) };
        if down.is_ready() {
            return down;
        }
        if moved {
            let now = self.session.now().tick();
            let client_rests = x.up.done || !x.head && self.only_server_times();
            x.client_until = if client_rests && !x.down.is_stuck() {
                Tick::NEVER
            } else {
                self.client_timeout().from(now)
            };
            // COMPAT: the server's time runs once it has all of the request.
            let server_due = x.up.finished() || !x.head && self.only_server_times();
            let server_runs = server_due && !x.down.is_stuck() || x.up.is_stuck();
            x.server_until = if server_runs { self.server_timeout().from(now) } else { Tick::NEVER };
            self.session.set_deadline(x.client_until.min(x.server_until).min(x.judge_until));
        }
        if let Some(why) = self.evicted() {
            return Poll::Ready(Event::Evicted(why));
        }
        if watch
            && x.up.done
            && !x.head
            && self.session.left.is_empty()
            && self.session.conn.poll_gone(cx).is_ready()
        {
            return Poll::Ready(Event::ClientGone);
        }
        if self.session.poll_deadline(cx).is_ready() {
            if x.judge_until < x.client_until.min(x.server_until) {
                return Poll::Ready(Event::Judge);
            }
            return Poll::Ready(Event::Timeout { client: x.client_until <= x.server_until });
        }
        Poll::Pending
    }

    /// Request bytes to the server.
    fn poll_up(&mut self, cx: &mut Context<'_>, x: &mut Exchange, moved: &mut bool) -> Poll<Event> {
        let Some(server) = self.server_conn.as_mut() else { return Poll::Ready(Event::ServerBroken) };
        for _ in 0..TURNS {
            while let Some(rest) = x.up.kept.get(x.up.from..).filter(|r| !r.is_empty()) {
                match server.poll_write(cx, rest) {
                    Poll::Ready(Ok(n)) => {
                        x.up.from += n;
                        *moved = true;
                    }
                    // What the server may have said before it closed is read first.
                    Poll::Ready(Err(_)) => {
                        x.up.done = true;
                        x.up.from = x.up.kept.len();
                        self.server_keep = false;
                        self.upload_failed = true;
                        return Poll::Pending;
                    }
                    Poll::Pending => return Poll::Pending,
                }
            }
            if x.up.done {
                self.session.worker.give_text(std::mem::take(&mut x.up.kept));
                x.up.from = 0;
                return Poll::Pending;
            }
            let worker = self.session.worker.clone();
            let mut scratch = worker.scratch.borrow_mut();
            let n = match self.session.conn.poll_read(cx, &mut scratch) {
                Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => return Poll::Ready(Event::ClientGone),
                Poll::Ready(Ok(n)) => n,
                Poll::Pending => return Poll::Pending,
            };
            *moved = true;
            x.consumed = true;
            let input = scratch.get(..n).unwrap_or_default();
            let text = &mut self.parts.text;
            let Ok(step) = x.up.body.relay(input, text) else { return Poll::Ready(Event::ClientGarbage) };
            x.up.done = step.done;
            self.bytes_in += step.size as u64;
            let bytes: &[u8] =
                if step.rewritten { text } else { input.get(..step.consumed).unwrap_or_default() };
            if x.up.how == BodyOut::Same {
                let sent = match server.try_write(bytes) {
                    Ok(k) => k,
                    Err(e) if e.kind() == io::ErrorKind::WouldBlock => 0,
                    Err(_) => bytes.len(),
                };
                x.up.kept.clear();
                x.up.from = 0;
                x.up.kept.extend_from_slice(bytes.get(sent..).unwrap_or_default());
            }
            if x.down.done && x.up.finished() && !x.down.is_stuck() {
                cx.waker().wake_by_ref();
            }
            if step.done {
                self.session.left.extend_from_slice(input.get(step.consumed..).unwrap_or_default());
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The response head; interim responses pass through.
    fn poll_head(&mut self, cx: &mut Context<'_>, x: &mut Exchange, moved: &mut bool) -> Poll<Event> {
        loop {
            let Some(server) = self.server_conn.as_mut() else { return Poll::Ready(Event::ServerBroken) };
            let resp = &mut self.parts.response;
            let n = match server.poll_read(cx, resp.room()) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Event::ServerClosed),
                Poll::Ready(Ok(n)) => n,
                Poll::Ready(Err(_)) => return Poll::Ready(Event::ServerBroken),
                Poll::Pending => return Poll::Pending,
            };
            *moved = true;
            x.answered = true;
            resp.filled += n;
            loop {
                let plan = &self.session.plan;
                let back = self.backend.unwrap_or(self.session.front);
                let policy = &plan.proxies[back.0 as usize].response_policy;
                let resp = &mut self.parts.response;
                let asked = self.parts.request.head.asked();
                match resp.head.parse(resp.buf.get(..resp.filled).unwrap_or_default(), policy, asked) {
                    Parsed::Complete { len } => resp.head_len = len,
                    Parsed::Partial => break,
                    Parsed::Bad(reject) => {
                        self.capture_response(reject.at);
                        return Poll::Ready(Event::Garbage);
                    }
                }
                if !resp.head.is_interim() {
                    // COMPAT: a body that is broken from its start makes the response a bad one.
                    let sound = self.buffered_size().is_some();
                    return Poll::Ready(if sound { Event::Head } else { Event::Garbage });
                }
                self.pass_interim();
                if self.parts.response.filled == 0 {
                    break;
                }
            }
        }
    }

    /// What is logged of the response's body as far as it stands behind its head; `None` if it is broken.
    pub(super) fn buffered_size(&mut self) -> Option<u64> {
        let r = &self.parts.response;
        let mut body = r.head.body();
        if r.rest().is_empty() || body.is_done() {
            return Some(0);
        }
        body.relay(r.rest(), &mut self.parts.text).ok().map(|s| s.size as u64)
    }

    /// COMPAT: a server's own figures are of what it said, interim heads included, not of what rules made of
    /// it (`admin/columns-csv`).
    fn count_head(&self) {
        if let Some(s) = self.server_stats() {
            s.responded(self.parts.response.head.status());
            s.requests.add(1);
        }
    }

    /// Hands a 1xx on and makes room for what follows it.
    fn pass_interim(&mut self) {
        self.count_head();
        let to = ToClient::answering(&self.parts.request.head);
        let mut out = std::mem::take(&mut self.parts.text);
        out.clear();
        let resp = &mut self.parts.response;
        if self.parts.request.head.is_http11() {
            self.bytes_out += resp.logged_head();
            resp.head.write(&resp.buf, to, &mut out);
            self.adjust_for_client(&mut out, 0);
            // An interim response that does not fit a socket buffer is not worth waiting for.
            let _ = self.session.conn.try_write(&out);
        }
        self.parts.text = out;
        let resp = &mut self.parts.response;
        resp.buf.copy_within(resp.head_len..resp.filled, 0);
        resp.filled -= resp.head_len;
        resp.head_len = 0;
        resp.head.clear();
    }

    /// Response body to the client.
    fn poll_down(&mut self, cx: &mut Context<'_>, x: &mut Exchange, moved: &mut bool) -> Poll<Event> {
        let Some(server) = self.server_conn.as_mut() else { return Poll::Ready(Event::ServerBroken) };
        let worker = self.session.worker.clone();
        for _ in 0..TURNS {
            while let Some(rest) = x.down.kept.get(x.down.from..).filter(|r| !r.is_empty()) {
                match self.session.conn.poll_write(cx, rest) {
                    Poll::Ready(Ok(n)) => {
                        x.down.from += n;
                        *moved = true;
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(Event::ClientGone),
                    Poll::Pending => return Poll::Pending,
                }
            }
            if x.down.done {
                if x.up.finished() || self.upload_failed {
                    return Poll::Ready(Event::Through);
                }
                // COMPAT: the rest of the request still goes to the server.
                return Poll::Pending;
            }
            let mut scratch = worker.scratch.borrow_mut();
            let n = match server.poll_read(cx, &mut scratch) {
                Poll::Ready(Ok(n)) => n,
                Poll::Ready(Err(_)) => return Poll::Ready(Event::Truncated),
                Poll::Pending => return Poll::Pending,
            };
            *moved = true;
            if n == 0 {
                if matches!(x.down.body, Body::UntilClose) {
                    x.down.done = true;
                    continue;
                }
                return Poll::Ready(Event::Truncated);
            }
            let input = scratch.get(..n).unwrap_or_default();
            let text = &mut self.parts.text;
            let Ok(taken) = take_body(&mut x.down, input, text) else { return Poll::Ready(Event::Garbage) };
            let bytes = taken.bytes(input, text);
            x.down.done = taken.done;
            self.bytes_out += taken.size as u64;
            // COMPAT: the server's slot is free once all of its response is here, whatever the client takes.
            if taken.done
                && x.up.finished()
                && let Some(s) = self.server
                && std::mem::take(&mut self.slot)
            {
                let back = self.backend.unwrap_or(self.session.front);
                self.session.plan.proxies[back.0 as usize].state.release(s);
            }
            let sent = match self.session.conn.try_write(bytes) {
                Ok(k) => k,
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => 0,
                Err(_) => return Poll::Ready(Event::ClientGone),
            };
            x.down.kept.clear();
            x.down.from = 0;
            x.down.kept.extend_from_slice(bytes.get(sent..).unwrap_or_default());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The head is here: rules, head and first body bytes to the client, the rest of both bodies.
    async fn finish_exchange(&mut self, mut x: Exchange) -> Outcome {
        self.at.response = self.now().mono_us;
        self.response_may_grow = false;
        self.status = self.parts.response.head.status();
        self.server_status = self.status;
        self.count_head();
        self.bytes_out += self.parts.response.logged_head();
        let plan = self.session.plan.clone();
        if let (Some(b), Some(s)) = (self.backend, self.server) {
            answered(&plan, b, s, Seen::Status(self.status));
        }
        self.capture_headers(1);
        let server_keeps = self.parts.response.head.server_keeps() && self.server_keep;
        let private = self.is_private();
        if let Some(next) = self.response_rules().await {
            return Outcome::Done(next);
        }
        if self.frontend().model.options.logasap {
            let size = self.parts.response.logged_head() + self.buffered_size().unwrap_or(0);
            self.log_early(self.at.response, size);
        }
        let method = self.parts.request.head.method_kind();
        let tunnel = self.parts.response.head.is_tunnel(method);
        let keep = self.client_may_keep();
        let to = ToClient { keep, ..ToClient::answering(&self.parts.request.head) };
        let mut out = self.session.worker.take_text();
        let resp = &self.parts.response;
        let sent = resp.head.write(&resp.buf, to, &mut out);
        self.adjust_for_client(&mut out, 0);
        let resp = &self.parts.response;
        if tunnel {
            return self.become_tunnel(out, x).await;
        }
        x.head = true;
        x.down.body = resp.head.body();
        x.down.how = sent.body;
        x.down.done = x.down.body.is_done();
        let rest = resp.rest();
        let mut extra = x.down.done && !rest.is_empty();
        if !x.down.done && !rest.is_empty() {
            let text = &mut self.parts.text;
            match take_body(&mut x.down, rest, text) {
                Ok(taken) => {
                    x.down.done = taken.done;
                    self.bytes_out += taken.size as u64;
                    out.extend_from_slice(taken.bytes(rest, text));
                    extra = taken.done && taken.consumed < rest.len();
                }
                Err(()) => {
                    self.ends(Fault::Server, Phase::Data);
                    self.server_conn = None;
                    return Outcome::Done(Next::Close);
                }
            }
        }
        x.down.kept = out;
        x.down.from = 0;
        let now = self.now().tick();
        x.client_until = self.client_timeout().from(now);
        x.server_until = if x.down.done { Tick::NEVER } else { self.server_timeout().from(now) };
        if x.down.done && x.up.finished() {
            self.release_slot();
        }
        let e = self.drive(&mut x).await;
        self.session.worker.give_text(std::mem::take(&mut x.down.kept));
        match e {
            Event::Through => {
                let reusable = server_keeps
                    && !extra
                    && !self.cut_short
                    && !self.upload_failed
                    && !matches!(x.down.body, Body::UntilClose);
                self.release_slot();
                if reusable {
                    self.keep_server_connection(private);
                } else {
                    self.server_conn = None;
                }
                if self.cut_short || self.upload_failed {
                    return Outcome::Done(Next::Linger);
                }
                // RFC 9112 §9.6: a client that meant to go on may have another request under way.
                let expected = self.parts.request.head.client_keeps();
                Outcome::Done(match (sent.keep && keep, expected) {
                    (true, _) => Next::Keep,
                    (false, true) => Next::Linger,
                    (false, false) => Next::Close,
                })
            }
            other => {
                self.server_conn = None;
                self.down_done = x.down.done;
                Outcome::Done(self.broken_off(other))
            }
        }
    }

    /// The response had begun when it ended: nothing can be said to the client any more.
    fn broken_off(&mut self, e: Event) -> Next {
        match e {
            Event::ClientGone | Event::ClientGarbage => {
                self.ends(Fault::Client, Phase::Data);
                self.count_abort(true);
                Next::Close
            }
            Event::Timeout { client: true } => {
                self.ends(Fault::ClientTimeout, if self.down_done { Phase::Last } else { Phase::Data });
                Next::Close
            }
            Event::Timeout { client: false } => {
                // COMPAT: 3.0 blames the client for a server that stops in the middle of a body.
                let blames_client = (Dialect::V2_8..Dialect::of(3, 1)).contains(&self.session.plan.dialect);
                self.ends(if blames_client { Fault::Client } else { Fault::ServerTimeout }, Phase::Data);
                Next::Close
            }
            Event::Evicted(why) if breaks(self.session.plan.dialect) => {
                self.status = 500;
                self.ends(why.fault(), Phase::Connect);
                Next::Close
            }
            Event::Evicted(why) => {
                self.ends(why.fault(), Phase::Data);
                Next::Close
            }
            // COMPAT: until 2.8 a body that breaks its framing is an abort by the server.
            Event::Garbage if !self.only_server_times() => {
                self.ends(Fault::Proxy, Phase::Data);
                Next::Close
            }
            _ => {
                self.ends(Fault::Server, Phase::Data);
                self.count_abort(false);
                // COMPAT: a body cut short is a failed response too.
                for s in [self.back_stats(), self.server_stats()].into_iter().flatten() {
                    s.failed_responses.add(1);
                }
                Next::Close
            }
        }
    }

    /// No response came: another connection, or the page that says so.
    async fn no_response(&mut self, e: Event, x: &Exchange) -> Outcome {
        let stale = matches!(e, Event::ServerClosed | Event::ServerBroken) && self.reused && !x.answered;
        if stale && !x.consumed && (self.is_idempotent() || self.upload_failed) {
            return Outcome::Stale;
        }
        self.server_conn = None;
        let plan = self.session.plan.clone();
        let tell = |seen| {
            if let (Some(b), Some(s)) = (self.backend, self.server) {
                answered(&plan, b, s, seen);
            }
        };
        let (status, fault, phase) = match e {
            Event::ClientGone => {
                let phase = if x.up.done { Phase::Headers } else { Phase::Data };
                self.ends(Fault::Client, phase);
                self.count_abort(true);
                self.status = 400;
                return Outcome::Done(Next::Close);
            }
            Event::Judged(j) => return self.cut_off(j),
            // COMPAT: since 2.8 the client is told nothing; what is logged is an internal error.
            Event::Evicted(why) if breaks(plan.dialect) => {
                self.status = 500;
                self.ends(why.fault(), Phase::Connect);
                return Outcome::Done(Next::Close);
            }
            Event::Evicted(why) => (502, why.fault(), Phase::Headers),
            Event::ClientGarbage => (400, Fault::Proxy, Phase::Data),
            // COMPAT: a request whose body does not come is a bad one.
            Event::Timeout { client: true } => (400, Fault::ClientTimeout, Phase::Headers),
            Event::Timeout { client: false } => {
                tell(Seen::Timeout);
                (504, Fault::ServerTimeout, Phase::Headers)
            }
            Event::Garbage => {
                tell(Seen::Garbage);
                (502, Fault::Proxy, Phase::Headers)
            }
            _ => {
                tell(Seen::Broken);
                (502, Fault::Server, Phase::Headers)
            }
        };
        if status >= 500 {
            for s in [self.back_stats(), self.server_stats()].into_iter().flatten() {
                s.failed_responses.add(1);
            }
        }
        self.ends(fault, phase);
        self.release_slot();
        // What of a bad response was read is not shown to rules.
        self.parts.response.clear();
        let next = self.error(status, x.up.done && status >= 500).await;
        Outcome::Done(if x.up.done { next } else { Next::Linger })
    }

    /// `tcp-response content` and `http-response` rules, cookie insertion.
    async fn response_rules(&mut self) -> Option<Next> {
        let plan = self.session.plan.clone();
        let front = self.session.front;
        let back = self.backend.unwrap_or(front);
        for id in [Some(back), (front != back).then_some(front)].into_iter().flatten() {
            let rules = &plan.proxies[id.0 as usize].rules;
            self.lenient = false;
            for r in &rules.http_response {
                if !self.applies(r.when.as_ref()).is_yes() {
                    continue;
                }
                match self.apply(&r.action, Subject::Response) {
                    Done::Stop => break,
                    Done::Reply(reply, why) => return Some(self.replace_response(reply, why).await),
                    Done::Redirect(r) => {
                        self.compose_redirect(r);
                        return Some(self.send_instead().await);
                    }
                    Done::Drop => {
                        self.ends(Fault::Proxy, Phase::Request);
                        self.bytes_out += self.buffered_size().unwrap_or(0);
                        self.server_conn = None;
                        let sides = [self.session.front_stats(), self.back_stats(), self.listener_stats()];
                        sides.into_iter().flatten().for_each(|s| s.denied_requests.add(1));
                        if self.only_server_times() {
                            self.at.response = 0;
                        }
                        return Some(Next::Reset);
                    }
                    Done::Reject => {
                        self.ends(Fault::Proxy, Phase::Headers);
                        self.server_conn = None;
                        return Some(Next::Close);
                    }
                    Done::Failed => return Some(self.broken_response().await),
                    Done::Pause(d) => self.pause(d).await,
                    Done::Body(ms, at_least) => {
                        if let Some(next) = self.wait_for_answer(ms, at_least).await {
                            return Some(next);
                        }
                    }
                    _ => {}
                }
            }
        }
        let checked = plan.proxies[back.0 as usize].model.options.checkcache;
        let caught = checked && self.has_cacheable_cookie();
        self.persistence_in_response();
        if caught {
            return Some(self.block_cookie().await);
        }
        for id in [Some(back), (front != back).then_some(front)].into_iter().flatten() {
            let rules = &plan.proxies[id.0 as usize].rules;
            self.lenient = false;
            for r in &rules.http_after_response {
                if !self.applies(r.when.as_ref()).is_yes() {
                    continue;
                }
                match self.apply(&r.action, Subject::Response) {
                    Done::Stop => break,
                    Done::Failed => return Some(self.broken_response().await),
                    _ => {}
                }
            }
        }
        self.status = self.parts.response.head.status();
        None
    }

    /// `option checkcache`: a denied response, and an alert to the backend's log.
    async fn block_cookie(&mut self) -> Next {
        let back = self.backend_or_front();
        let server = self.server.and_then(|s| back.server(s)).map_or("<dispatch>", |s| &s.name);
        let text =
            format!("Blocking cacheable cookie in response from instance {}, server {server}.", back.name);
        let w = &self.session.worker;
        w.logs.emit(&back.logs, 1, w.now().wall_us, text.as_bytes());
        let sides =
            [self.session.front_stats(), self.back_stats(), self.server_stats(), self.listener_stats()];
        sides.into_iter().flatten().for_each(|s| s.denied_responses.add(1));
        self.ends(Fault::Proxy, Phase::Headers);
        if self.only_server_times() {
            self.at.response = 0;
        }
        // COMPAT: the page is that of the status the server gave.
        let status = self.parts.response.head.status();
        let known = rha_http1::pages::of(status, self.session.plan.dialect).is_some();
        self.page(if known { status } else { 500 });
        self.send_instead().await
    }

    /// A rule could not do its edit: an internal error instead of the response.
    async fn broken_response(&mut self) -> Next {
        let sides =
            [self.session.front_stats(), self.back_stats(), self.server_stats(), self.listener_stats()];
        sides.into_iter().flatten().for_each(|s| s.internal_errors.add(1));
        self.ends(Fault::Proxy, Phase::Headers);
        if self.only_server_times() {
            self.at.response = 0;
        }
        self.page(500);
        self.send_instead().await
    }

    async fn replace_response(
        &mut self,
        reply: &crate::plan::rules::ReplyPlan,
        why: crate::rules::Answer,
    ) -> Next {
        if why == crate::rules::Answer::Deny {
            let sides =
                [self.session.front_stats(), self.back_stats(), self.server_stats(), self.listener_stats()];
            sides.into_iter().flatten().for_each(|s| s.denied_responses.add(1));
            self.ends(Fault::Proxy, Phase::Headers);
        } else {
            self.ends(Fault::Local, Phase::Headers);
        }
        self.compose(reply);
        self.send_instead().await
    }

    async fn send_instead(&mut self) -> Next {
        // COMPAT: what came of the response counts beside what is sent instead.
        self.bytes_out += self.buffered_size().unwrap_or(0);
        self.server_conn = None;
        self.release_slot();
        self.send_reply(true).await
    }

    /// COMPAT: connections that authenticated by NTLM or Negotiate belong to their client.
    fn is_private(&self) -> bool {
        let resp = &self.parts.response;
        matches!(resp.head.status(), 401 | 407)
            && [&b"www-authenticate"[..], b"proxy-authenticate"].iter().any(|n| {
                resp.head.find(&resp.buf, n).any(|(_, v)| {
                    let v = v.to_ascii_lowercase();
                    v.starts_with(b"nego") || v.starts_with(b"ntlm")
                })
            })
    }

    async fn become_tunnel(&mut self, head: Vec<u8>, x: Exchange) -> Outcome {
        let head_len = head.len() as u64;
        let mut down = head;
        down.extend_from_slice(self.parts.response.rest());
        let mut up = x.up.kept.get(x.up.from..).unwrap_or_default().to_vec();
        let unsent = up.len() as u64;
        up.append(&mut self.session.left);
        self.tunnel(up, down, (unsent, head_len)).await;
        self.server_conn = None;
        Outcome::Done(Next::Close)
    }
}
