//! How many descriptors a process needs, and how many connections the descriptors at hand allow.
//!
//! COMPAT: the sums of the original, so that `Maxconn`, `Maxsock` and `Ulimit-n` of `show info` are its own
//! (`admin/info-text`, `admin/info-automatic`). Management guide §9.3, "show info".

use rha_ir::Model;

/// Most descriptors anybody is given without asking.
const MOST: u64 = 1 << 20;

/// Descriptors beside two a connection: listeners, checks, the runtime API, what each worker needs.
pub fn beside_connections(model: &Model, under_master: bool) -> u64 {
    let process = &model.process;
    let enabled = || model.proxies.iter().filter(|p| !p.disabled);
    let binds = enabled().map(|p| p.binds.iter().map(|b| b.addresses.len() as u64).sum::<u64>()).sum::<u64>();
    let sockets = process.stats_sockets.iter().map(|s| s.bind.addresses.len() as u64).sum::<u64>();
    let runtime_api = if sockets == 0 { 0 } else { u64::from(process.stats_maxconn.unwrap_or(10)) };
    let servers = || enabled().flat_map(|p| &p.service.servers);
    let checks = servers().filter(|s| s.checked).count() as u64;
    let agents = servers().filter(|s| s.agent.as_ref().is_some_and(|a| a.enabled)).count() as u64;
    let workers = process.nbthread.map_or_else(
        || {
            let found = std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
            found.min(process.thread_hard_limit.map_or(u64::MAX, u64::from))
        },
        u64::from,
    );
    let master = if under_master { 12 } else { 0 };
    10 + binds + sockets + runtime_api + checks + agents + 3 * workers + master
}

/// The connection limit when nobody wrote one.
pub fn automatic_maxconn(beside: u64, process: &rha_ir::Process) -> u32 {
    let n = most_descriptors(process).saturating_sub(beside) / 2;
    u32::try_from(n).unwrap_or(u32::MAX).max(100)
}

/// Descriptors that are taken without a number in the configuration (`fd-hard-limit`).
pub fn most_descriptors(process: &rha_ir::Process) -> u64 {
    let (_, hard) = rha_net::descriptor_limit();
    hard.min(process.fd_hard_limit.map_or(MOST, u64::from))
}
