//! Environment variables that exist before the first line is read.
//!
//! HAProxy configuration manual §2.3. What depends on the machine (`HAPROXY_LOCALPEER`) or on the way
//! the process was started (`HAPROXY_MWORKER`, `HAPROXY_CLI`) is in the environment the caller gives.

use rha_text::Env;
use rha_vocab::Dialect;

use crate::Input;

/// `option httplog`.
pub const HTTP_LOG: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";

/// `option httpslog`.
pub const HTTPS_LOG: &str = "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r %[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] %[ssl_fc_sni]/%sslv/%sslc";

/// `option tcplog`.
pub const TCP_LOG: &str = "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";

/// `option httplog clf`.
pub const HTTP_CLF_LOG: &str = "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc %Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";

/// `option tcplog clf` (3.1).
pub const TCP_CLF_LOG: &str = "%{+Q}o %{-Q}ci - - [%T] \"TCP \" 000 %B \"\" \"\" %cp %ms %ft %b %s %Th %Tw %Tc %Tt %U %ts-- %ac %fc %bc %sc %rc %sq %bq \"\" \"\" ";

/// The environment the first line sees.
#[must_use]
pub fn environment(input: &Input<'_>) -> Env {
    let mut env = input.env.clone();
    let mut set = |name: &str, value: &str| env.set(name.as_bytes(), value.as_bytes());
    set("HAPROXY_STARTUP_VERSION", &input.version);
    if input.dialect >= Dialect::V2_8 {
        set("HAPROXY_BRANCH", &input.dialect.to_string());
        set("HAPROXY_HTTP_LOG_FMT", HTTP_LOG);
        set("HAPROXY_HTTPS_LOG_FMT", HTTPS_LOG);
        set("HAPROXY_TCP_LOG_FMT", TCP_LOG);
    }
    if input.dialect >= Dialect::V3_2 {
        set("HAPROXY_HTTP_CLF_LOG_FMT", HTTP_CLF_LOG);
        set("HAPROXY_TCP_CLF_LOG_FMT", TCP_CLF_LOG);
    }
    env
}
