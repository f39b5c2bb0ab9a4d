//! One row per action of each rule set.
//!
//! From a row come the keyword (for documentation, the support matrix and lookup) and the action (for
//! reading and for the lists in messages). The three numbers are the positions in the lists of 2.6, 3.0
//! and 3.5, which follow the order the original registers its actions in; `NO` where it has none.

use rha_vocab::{Dialect, Lifetime, Support};

use super::action::{ActionRow, Set};
use crate::{Keyword, Parse, Place};

const ALWAYS: Lifetime = Lifetime::ALWAYS;
const S28: Lifetime = Lifetime::since(2, 8);
const S30: Lifetime = Lifetime::since(3, 0);
const S31: Lifetime = Lifetime::since(3, 1);
const S32: Lifetime = Lifetime::since(3, 2);
const S35: Lifetime = Lifetime::since(3, 5);
/// OpenTracing is compiled into the builds of 2.6 and 3.0 at hand and gone from 3.5.
const OT: Lifetime = Lifetime { since: None, until: Some(Dialect::of(3, 2)) };
const PLANNED: Support = Support::Planned;
const FULL: Support = Support::Full;
const SILENT: Support = Support::NoEffect("streams are scheduled evenly; priorities cannot be noticed");
const H1ONLY: Support = Support::Partial("`proto h2` waits for HTTP/2");
const NO: u8 = u8::MAX;

macro_rules! is_prefix {
    (prefix) => {
        true
    };
    (whole) => {
        false
    };
}

macro_rules! actions {
    ($( $set:ident $word:literal $place:ident => $line:path { $(
        $name:literal $usage:literal [$a:expr, $b:expr, $c:expr] $prefix:ident $life:ident $support:ident $read:path,
        $doc:literal;
    )* } )*) => {
        /// A keyword for every action.
        pub(super) const ROWS: &[Keyword] = &[ $( $( Keyword {
            name: concat!($word, " ", $name),
            place: Place::$place,
            usage: $usage,
            lifetime: $life,
            support: $support,
            doc: $doc,
            parse: Parse::With($line),
        }, )* )* ];

        /// All actions of all rule sets, those of a set by name.
        pub const ACTIONS: &[ActionRow] = &[ $( $( ActionRow {
            set: Set::$set,
            name: $name,
            order: [$a, $b, $c],
            prefix: is_prefix!($prefix),
            lifetime: $life,
            support: $support,
            read: $read,
        }, )* )* ];
    };
}

#[rustfmt::skip]
actions! {
    HttpRequest "http-request" PROXY => super::http::http_request {
        "add-acl" "(<file>) <key fmt>" [13, 14, 14] prefix ALWAYS PLANNED super::act_table::map, "Adds a pattern to an ACL file in memory.";
        "add-header" "<name> <fmt>" [14, 15, 15] whole ALWAYS FULL super::act_message::set_header, "Adds a field.";
        "add-headers-bin" "<expr> [prefix <str>]" [NO, NO, 16] whole S35 PLANNED super::act_message::headers_bin, "Adds fields from an encoded list.";
        "allow" "" [15, 16, 17] whole ALWAYS FULL super::act_http::allow, "Stops the rule set and lets the message pass.";
        "auth" "[realm <realm>]" [16, 17, 18] whole ALWAYS FULL super::act_http::auth, "Asks for a user name and password.";
        "cache-use" "<name>" [12, 13, 13] whole ALWAYS PLANNED super::act_other::cache, "Answers from a cache when it can.";
        "capture" "<expr> {len <length> | id <id>}" [17, 18, 19] whole ALWAYS FULL super::act_http::capture_request, "Keeps a value for the log line.";
        "del-acl" "(<file>) <key fmt>" [18, 19, 20] prefix ALWAYS PLANNED super::act_table::map, "Removes a pattern from an ACL file in memory.";
        "del-header" "<name> [-m <method>]" [19, 20, 21] whole ALWAYS FULL super::act_message::del_header, "Removes all fields of a name.";
        "del-headers-bin" "<expr> [-m <method>]" [NO, NO, 22] whole S35 PLANNED super::act_message::del_headers_bin, "Removes the fields an encoded list names.";
        "del-map" "(<file>) <key fmt>" [20, 21, 23] prefix ALWAYS PLANNED super::act_table::map, "Removes an entry of a map in memory.";
        "deny" "[status <code>] [content-type <type>] [{errorfile | errorfiles | file | string | lf-file | lf-string} <value>] [hdr <name> <fmt>]" [21, 22, 24] whole ALWAYS FULL super::act_http::deny, "Answers with an error and stops.";
        "disable-l7-retry" "" [22, 23, 25] whole ALWAYS FULL super::act_http::disable_l7_retry, "Switches retries after an answer off for this request.";
        "do-log" "[profile <name>]" [NO, NO, 26] whole S31 PLANNED super::act_other::do_log, "Emits a log line now.";
        "do-resolve" "(<var>,<resolvers>[,ipv4|ipv6]) <expr>" [11, 12, 12] prefix ALWAYS PLANNED super::act_other::do_resolve, "Resolves a name into a variable.";
        "early-hint" "<name> <fmt>" [23, 24, 27] whole ALWAYS FULL super::act_message::set_header, "Sends a field ahead in a 103 response.";
        "normalize-uri" "<normalizer> [option]" [24, 25, 28] whole ALWAYS FULL super::act_message::normalize_uri, "Brings the request target into a normal form.";
        "ot-group" "<filter> <group>" [1, 1, NO] whole OT PLANNED super::act_other::ot_group, "Runs a group of OpenTracing scopes.";
        "pause" "{<timeout> | <expr>}" [NO, NO, 29] whole S32 FULL super::act_http::pause, "Holds the message for a time.";
        "redirect" "{location | prefix | scheme} <fmt> [code <n>] [options]" [25, 26, 30] whole ALWAYS FULL super::act_http::redirect, "Answers with a redirection.";
        "reject" "" [26, 27, 31] whole ALWAYS FULL super::act_http::reject, "Closes the connection without an answer.";
        "replace-header" "<name> <regex> <fmt>" [27, 28, 32] whole ALWAYS FULL super::act_message::replace_header, "Rewrites whole field values that match.";
        "replace-path" "<regex> <fmt>" [28, 29, 33] whole ALWAYS FULL super::act_message::replace_uri, "Rewrites the path when it matches.";
        "replace-pathq" "<regex> <fmt>" [29, 30, 34] whole ALWAYS FULL super::act_message::replace_uri, "Rewrites path and query when they match.";
        "replace-uri" "<regex> <fmt>" [30, 31, 35] whole ALWAYS FULL super::act_message::replace_uri, "Rewrites the request target when it matches.";
        "replace-value" "<name> <regex> <fmt>" [31, 32, 36] whole ALWAYS FULL super::act_message::replace_header, "Rewrites comma-separated parts of field values that match.";
        "return" "[status <code>] [content-type <type>] [{default-errorfiles | errorfile | errorfiles | file | string | lf-file | lf-string} <value>] [hdr <name> <fmt>]" [32, 33, 37] whole ALWAYS FULL super::act_http::return_reply, "Answers without asking a server.";
        "sc-add-gpc" "(<idx>,<sc>) {<int> | <expr>}" [NO, 5, 6] prefix S28 PLANNED super::act_table::add_gpc, "Adds to a general purpose counter.";
        "sc-inc-gpc" "(<idx>,<sc>)" [5, 6, 7] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments a general purpose counter.";
        "sc-inc-gpc0" "(<sc>)" [6, 7, 8] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments the first general purpose counter.";
        "sc-inc-gpc1" "(<sc>)" [7, 8, 9] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments the second general purpose counter.";
        "sc-set-gpt" "(<idx>,<sc>) {<int> | <expr>}" [8, 9, 10] prefix ALWAYS PLANNED super::act_table::set_gpt, "Sets a general purpose tag.";
        "sc-set-gpt0" "(<sc>) {<int> | <expr>}" [9, 10, 11] prefix ALWAYS PLANNED super::act_table::set_gpt, "Sets the first general purpose tag.";
        "send-spoe-group" "<engine> <group>" [10, 11, 0] whole ALWAYS PLANNED super::act_other::send_spoe_group, "Sends a group of messages to an agent.";
        "set-bandwidth-limit" "<name> [limit {<expr> | <size>}] [period {<expr> | <time>}]" [NO, 60, 65] whole S28 PLANNED super::act_other::bandwidth, "Limits the rate of this stream.";
        "set-bc-mark" "{<mark> | <expr>}" [NO, 49, 54] whole S30 FULL super::act_other::mark, "Sets the netfilter mark towards the server.";
        "set-bc-tos" "{<tos> | <expr>}" [NO, 50, 55] whole S30 FULL super::act_other::mark, "Sets the type of service towards the server.";
        "set-dst" "<expr>" [48, 51, 56] whole ALWAYS FULL super::act_http::set_address, "Replaces the destination address.";
        "set-dst-port" "<expr>" [49, 52, 57] whole ALWAYS FULL super::act_http::set_address, "Replaces the destination port.";
        "set-fc-mark" "{<mark> | <expr>}" [NO, 53, 58] whole S30 FULL super::act_other::mark, "Sets the netfilter mark towards the client.";
        "set-fc-tos" "{<tos> | <expr>}" [NO, 54, 59] whole S30 FULL super::act_other::mark, "Sets the type of service towards the client.";
        "set-header" "<name> <fmt>" [33, 34, 38] whole ALWAYS FULL super::act_message::set_header, "Replaces all fields of a name by one.";
        "set-headers-bin" "<expr> [prefix <str>]" [NO, NO, 39] whole S35 PLANNED super::act_message::headers_bin, "Sets fields from an encoded list.";
        "set-log-level" "{silent | <level>}" [2, 2, 3] whole ALWAYS FULL super::act_other::set_log_level, "Changes the level of the log line.";
        "set-map" "(<file>) <key fmt> <value fmt>" [34, 35, 40] prefix ALWAYS PLANNED super::act_table::map, "Sets an entry of a map in memory.";
        "set-mark" "<mark>" [50, 55, 60] whole ALWAYS FULL super::act_other::mark, "Sets the netfilter mark towards the client.";
        "set-method" "<fmt>" [35, 36, 41] whole ALWAYS FULL super::act_message::set_uri, "Replaces the method.";
        "set-nice" "<nice>" [3, 3, 4] whole ALWAYS SILENT super::act_other::set_nice, "Changes the priority of the stream in the scheduler.";
        "set-path" "<fmt>" [36, 37, 42] whole ALWAYS FULL super::act_message::set_uri, "Replaces the path.";
        "set-pathq" "<fmt>" [37, 38, 43] whole ALWAYS FULL super::act_message::set_uri, "Replaces path and query.";
        "set-priority-class" "<expr>" [55, 61, 66] whole ALWAYS FULL super::act_table::priority, "Sets the class a request queues in.";
        "set-priority-offset" "<expr>" [56, 62, 67] whole ALWAYS FULL super::act_table::priority, "Moves a request in its queue.";
        "set-query" "<fmt>" [38, 39, 44] whole ALWAYS FULL super::act_message::set_uri, "Replaces the query.";
        "set-retries" "{<n> | <expr>}" [NO, NO, 2] whole S32 FULL super::act_other::set_retries, "Changes the number of connection attempts.";
        "set-src" "<expr>" [51, 56, 61] whole ALWAYS FULL super::act_http::set_address, "Replaces the client address.";
        "set-src-port" "<expr>" [52, 57, 62] whole ALWAYS FULL super::act_http::set_address, "Replaces the client port.";
        "set-timeout" "{client | server | tunnel} {<timeout> | <expr>}" [43, 44, 49] whole ALWAYS FULL super::act_http::set_timeout, "Changes a timeout of this stream.";
        "set-tos" "<tos>" [53, 58, 63] whole ALWAYS FULL super::act_other::mark, "Sets the type of service towards the client.";
        "set-uri" "<fmt>" [39, 40, 45] whole ALWAYS FULL super::act_message::set_uri, "Replaces the whole request target.";
        "set-var" "(<name>[,<cond>...]) <expr>" [46, 47, 52] prefix ALWAYS FULL super::act_http::variable, "Stores the value of an expression in a variable.";
        "set-var-fmt" "(<name>[,<cond>...]) <fmt>" [45, 46, 51] prefix ALWAYS FULL super::act_http::variable, "Stores a formatted text in a variable.";
        "silent-drop" "[rst-ttl <ttl>]" [54, 59, 64] whole ALWAYS FULL super::act_other::silent_drop, "Drops the connection without telling the client.";
        "strict-mode" "{on | off}" [40, 41, 46] whole ALWAYS FULL super::act_http::strict_mode, "Says whether a failed rewrite is an error.";
        "tarpit" "[status <code>] [...]" [41, 42, 47] whole ALWAYS FULL super::act_http::deny, "Keeps the client waiting for the tarpit timeout, then denies.";
        "track-sc" "<n> <key> [table <table>]" [42, 43, 48] prefix ALWAYS PLANNED super::act_table::track, "Counts for a key in a stick table.";
        "unset-var" "(<name>)" [47, 48, 53] prefix ALWAYS FULL super::act_http::variable, "Removes a variable.";
        "use-service" "<service>" [4, 4, 5] whole ALWAYS PLANNED super::act_other::use_service, "Hands the request to a built-in service.";
        "wait-for-body" "time <time> [at-least <bytes>]" [44, 45, 50] whole ALWAYS FULL super::act_http::wait_for_body, "Waits for the body before going on.";
        "wait-for-handshake" "" [0, 0, 1] whole ALWAYS PLANNED super::act_other::bare, "Waits for the TLS handshake when early data came.";
    }
    HttpResponse "http-response" PROXY => super::http::http_response {
        "add-acl" "(<file>) <key fmt>" [10, 11, 10] prefix ALWAYS PLANNED super::act_table::map, "Adds a pattern to an ACL file in memory.";
        "add-header" "<name> <fmt>" [11, 12, 11] whole ALWAYS FULL super::act_message::set_header, "Adds a field.";
        "add-headers-bin" "<expr> [prefix <str>]" [NO, NO, 12] whole S35 PLANNED super::act_message::headers_bin, "Adds fields from an encoded list.";
        "allow" "" [12, 13, 13] whole ALWAYS FULL super::act_http::allow, "Stops the rule set and lets the message pass.";
        "cache-store" "<name>" [9, 10, 9] whole ALWAYS PLANNED super::act_other::cache, "Stores the response in a cache.";
        "capture" "<expr> {len <length> | id <id>}" [13, 14, 14] whole ALWAYS FULL super::act_http::capture_response, "Keeps a value for the log line.";
        "del-acl" "(<file>) <key fmt>" [14, 15, 15] prefix ALWAYS PLANNED super::act_table::map, "Removes a pattern from an ACL file in memory.";
        "del-header" "<name> [-m <method>]" [15, 16, 16] whole ALWAYS FULL super::act_message::del_header, "Removes all fields of a name.";
        "del-headers-bin" "<expr> [-m <method>]" [NO, NO, 17] whole S35 PLANNED super::act_message::del_headers_bin, "Removes the fields an encoded list names.";
        "del-map" "(<file>) <key fmt>" [16, 17, 18] prefix ALWAYS PLANNED super::act_table::map, "Removes an entry of a map in memory.";
        "deny" "[status <code>] [content-type <type>] [{errorfile | errorfiles | file | string | lf-file | lf-string} <value>] [hdr <name> <fmt>]" [17, 18, 19] whole ALWAYS FULL super::act_http::deny, "Answers with an error and stops.";
        "do-log" "[profile <name>]" [NO, NO, 20] whole S31 PLANNED super::act_other::do_log, "Emits a log line now.";
        "ot-group" "<filter> <group>" [0, 0, NO] whole OT PLANNED super::act_other::ot_group, "Runs a group of OpenTracing scopes.";
        "pause" "{<timeout> | <expr>}" [NO, NO, 21] whole S32 FULL super::act_http::pause, "Holds the message for a time.";
        "redirect" "{location | prefix | scheme} <fmt> [code <n>] [options]" [18, 19, 22] whole ALWAYS FULL super::act_http::redirect, "Answers with a redirection.";
        "replace-header" "<name> <regex> <fmt>" [19, 20, 23] whole ALWAYS FULL super::act_message::replace_header, "Rewrites whole field values that match.";
        "replace-value" "<name> <regex> <fmt>" [20, 21, 24] whole ALWAYS FULL super::act_message::replace_header, "Rewrites comma-separated parts of field values that match.";
        "return" "[status <code>] [content-type <type>] [{default-errorfiles | errorfile | errorfiles | file | string | lf-file | lf-string} <value>] [hdr <name> <fmt>]" [21, 22, 25] whole ALWAYS FULL super::act_http::return_reply, "Answers without asking a server.";
        "sc-add-gpc" "(<idx>,<sc>) {<int> | <expr>}" [NO, 3, 3] prefix S28 PLANNED super::act_table::add_gpc, "Adds to a general purpose counter.";
        "sc-inc-gpc" "(<idx>,<sc>)" [3, 4, 4] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments a general purpose counter.";
        "sc-inc-gpc0" "(<sc>)" [4, 5, 5] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments the first general purpose counter.";
        "sc-inc-gpc1" "(<sc>)" [5, 6, 6] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments the second general purpose counter.";
        "sc-set-gpt" "(<idx>,<sc>) {<int> | <expr>}" [6, 7, 7] prefix ALWAYS PLANNED super::act_table::set_gpt, "Sets a general purpose tag.";
        "sc-set-gpt0" "(<sc>) {<int> | <expr>}" [7, 8, 8] prefix ALWAYS PLANNED super::act_table::set_gpt, "Sets the first general purpose tag.";
        "send-spoe-group" "<engine> <group>" [8, 9, 0] whole ALWAYS PLANNED super::act_other::send_spoe_group, "Sends a group of messages to an agent.";
        "set-bandwidth-limit" "<name> [limit {<expr> | <size>}] [period {<expr> | <time>}]" [NO, 38, 42] whole S28 PLANNED super::act_other::bandwidth, "Limits the rate of this stream.";
        "set-fc-mark" "{<mark> | <expr>}" [NO, 33, 37] whole S30 FULL super::act_other::mark, "Sets the netfilter mark towards the client.";
        "set-fc-tos" "{<tos> | <expr>}" [NO, 34, 38] whole S30 FULL super::act_other::mark, "Sets the type of service towards the client.";
        "set-header" "<name> <fmt>" [22, 23, 26] whole ALWAYS FULL super::act_message::set_header, "Replaces all fields of a name by one.";
        "set-headers-bin" "<expr> [prefix <str>]" [NO, NO, 27] whole S35 PLANNED super::act_message::headers_bin, "Sets fields from an encoded list.";
        "set-log-level" "{silent | <level>}" [1, 1, 1] whole ALWAYS FULL super::act_other::set_log_level, "Changes the level of the log line.";
        "set-map" "(<file>) <key fmt> <value fmt>" [23, 24, 28] prefix ALWAYS PLANNED super::act_table::map, "Sets an entry of a map in memory.";
        "set-mark" "<mark>" [31, 35, 39] whole ALWAYS FULL super::act_other::mark, "Sets the netfilter mark towards the client.";
        "set-nice" "<nice>" [2, 2, 2] whole ALWAYS SILENT super::act_other::set_nice, "Changes the priority of the stream in the scheduler.";
        "set-status" "<status> [reason <str>]" [24, 25, 29] whole ALWAYS FULL super::act_message::set_status, "Replaces the status.";
        "set-timeout" "{client | server | tunnel} {<timeout> | <expr>}" [NO, 28, 32] whole S28 FULL super::act_http::set_timeout, "Changes a timeout of this stream.";
        "set-tos" "<tos>" [32, 36, 40] whole ALWAYS FULL super::act_other::mark, "Sets the type of service towards the client.";
        "set-var" "(<name>[,<cond>...]) <expr>" [29, 31, 35] prefix ALWAYS FULL super::act_http::variable, "Stores the value of an expression in a variable.";
        "set-var-fmt" "(<name>[,<cond>...]) <fmt>" [28, 30, 34] prefix ALWAYS FULL super::act_http::variable, "Stores a formatted text in a variable.";
        "silent-drop" "[rst-ttl <ttl>]" [33, 37, 41] whole ALWAYS FULL super::act_other::silent_drop, "Drops the connection without telling the client.";
        "strict-mode" "{on | off}" [25, 26, 30] whole ALWAYS FULL super::act_http::strict_mode, "Says whether a failed rewrite is an error.";
        "track-sc" "<n> <key> [table <table>]" [26, 27, 31] prefix ALWAYS PLANNED super::act_table::track, "Counts for a key in a stick table.";
        "unset-var" "(<name>)" [30, 32, 36] prefix ALWAYS FULL super::act_http::variable, "Removes a variable.";
        "wait-for-body" "time <time> [at-least <bytes>]" [27, 29, 33] whole ALWAYS FULL super::act_http::wait_for_body, "Waits for the body before going on.";
    }
    HttpAfterResponse "http-after-response" PROXY => super::http::http_after_response {
        "add-header" "<name> <fmt>" [1, 8, 7] whole ALWAYS FULL super::act_message::set_header, "Adds a field.";
        "add-headers-bin" "<expr> [prefix <str>]" [NO, NO, 8] whole S35 PLANNED super::act_message::headers_bin, "Adds fields from an encoded list.";
        "allow" "" [2, 9, 9] whole ALWAYS FULL super::act_http::allow, "Stops the rule set and lets the message pass.";
        "capture" "<expr> {len <length> | id <id>}" [3, 10, 10] whole ALWAYS FULL super::act_http::capture_response, "Keeps a value for the log line.";
        "del-acl" "(<file>) <key fmt>" [NO, 11, 11] prefix S28 PLANNED super::act_table::map, "Removes a pattern from an ACL file in memory.";
        "del-header" "<name> [-m <method>]" [4, 12, 12] whole ALWAYS FULL super::act_message::del_header, "Removes all fields of a name.";
        "del-headers-bin" "<expr> [-m <method>]" [NO, NO, 13] whole S35 PLANNED super::act_message::del_headers_bin, "Removes the fields an encoded list names.";
        "del-map" "(<file>) <key fmt>" [NO, 13, 14] prefix S28 PLANNED super::act_table::map, "Removes an entry of a map in memory.";
        "do-log" "[profile <name>]" [NO, NO, 15] whole S31 PLANNED super::act_other::do_log, "Emits a log line now.";
        "ot-group" "<filter> <group>" [0, 0, NO] whole OT PLANNED super::act_other::ot_group, "Runs a group of OpenTracing scopes.";
        "replace-header" "<name> <regex> <fmt>" [5, 14, 16] whole ALWAYS FULL super::act_message::replace_header, "Rewrites whole field values that match.";
        "replace-value" "<name> <regex> <fmt>" [6, 15, 17] whole ALWAYS FULL super::act_message::replace_header, "Rewrites comma-separated parts of field values that match.";
        "sc-add-gpc" "(<idx>,<sc>) {<int> | <expr>}" [NO, 2, 1] prefix S28 PLANNED super::act_table::add_gpc, "Adds to a general purpose counter.";
        "sc-inc-gpc" "(<idx>,<sc>)" [NO, 3, 2] prefix S28 PLANNED super::act_table::inc_gpc, "Increments a general purpose counter.";
        "sc-inc-gpc0" "(<sc>)" [NO, 4, 3] prefix S28 PLANNED super::act_table::inc_gpc, "Increments the first general purpose counter.";
        "sc-inc-gpc1" "(<sc>)" [NO, 5, 4] prefix S28 PLANNED super::act_table::inc_gpc, "Increments the second general purpose counter.";
        "sc-set-gpt" "(<idx>,<sc>) {<int> | <expr>}" [NO, 6, 5] prefix S28 PLANNED super::act_table::set_gpt, "Sets a general purpose tag.";
        "sc-set-gpt0" "(<sc>) {<int> | <expr>}" [NO, 7, 6] prefix S28 PLANNED super::act_table::set_gpt, "Sets the first general purpose tag.";
        "set-header" "<name> <fmt>" [7, 16, 18] whole ALWAYS FULL super::act_message::set_header, "Replaces all fields of a name by one.";
        "set-headers-bin" "<expr> [prefix <str>]" [NO, NO, 19] whole S35 PLANNED super::act_message::headers_bin, "Sets fields from an encoded list.";
        "set-log-level" "{silent | <level>}" [NO, 1, 0] whole S28 FULL super::act_other::set_log_level, "Changes the level of the log line.";
        "set-map" "(<file>) <key fmt> <value fmt>" [NO, 17, 20] prefix S28 PLANNED super::act_table::map, "Sets an entry of a map in memory.";
        "set-status" "<status> [reason <str>]" [8, 18, 21] whole ALWAYS FULL super::act_message::set_status, "Replaces the status.";
        "set-var" "(<name>[,<cond>...]) <expr>" [11, 21, 24] prefix ALWAYS FULL super::act_http::variable, "Stores the value of an expression in a variable.";
        "set-var-fmt" "(<name>[,<cond>...]) <fmt>" [10, 20, 23] prefix ALWAYS FULL super::act_http::variable, "Stores a formatted text in a variable.";
        "strict-mode" "{on | off}" [9, 19, 22] whole ALWAYS FULL super::act_http::strict_mode, "Says whether a failed rewrite is an error.";
        "unset-var" "(<name>)" [12, 22, 25] prefix ALWAYS FULL super::act_http::variable, "Removes a variable.";
    }
    TcpConnection "tcp-request connection" FRONT => super::tcp::tcp_request {
        "do-log" "[profile <name>]" [NO, NO, 6] whole S31 PLANNED super::act_other::do_log, "Emits a log line now.";
        "sc-add-gpc" "(<idx>,<sc>) {<int> | <expr>}" [NO, 0, 0] prefix S28 PLANNED super::act_table::add_gpc, "Adds to a general purpose counter.";
        "sc-inc-gpc" "(<idx>,<sc>)" [0, 1, 1] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments a general purpose counter.";
        "sc-inc-gpc0" "(<sc>)" [1, 2, 2] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments the first general purpose counter.";
        "sc-inc-gpc1" "(<sc>)" [2, 3, 3] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments the second general purpose counter.";
        "sc-set-gpt" "(<idx>,<sc>) {<int> | <expr>}" [3, 4, 4] prefix ALWAYS PLANNED super::act_table::set_gpt, "Sets a general purpose tag.";
        "sc-set-gpt0" "(<sc>) {<int> | <expr>}" [4, 5, 5] prefix ALWAYS PLANNED super::act_table::set_gpt, "Sets the first general purpose tag.";
        "set-dst" "<expr>" [8, 9, 10] whole ALWAYS FULL super::act_http::set_address, "Replaces the destination address.";
        "set-dst-port" "<expr>" [9, 10, 11] whole ALWAYS FULL super::act_http::set_address, "Replaces the destination port.";
        "set-fc-mark" "{<mark> | <expr>}" [NO, 11, 12] whole S30 FULL super::act_other::mark, "Sets the netfilter mark towards the client.";
        "set-fc-tos" "{<tos> | <expr>}" [NO, 12, 13] whole S30 FULL super::act_other::mark, "Sets the type of service towards the client.";
        "set-mark" "<mark>" [10, 13, 14] whole ALWAYS FULL super::act_other::mark, "Sets the netfilter mark towards the client.";
        "set-src" "<expr>" [11, 14, 15] whole ALWAYS FULL super::act_http::set_address, "Replaces the client address.";
        "set-src-port" "<expr>" [12, 15, 16] whole ALWAYS FULL super::act_http::set_address, "Replaces the client port.";
        "set-tos" "<tos>" [13, 16, 17] whole ALWAYS FULL super::act_other::mark, "Sets the type of service towards the client.";
        "set-var" "(<name>[,<cond>...]) <expr>" [6, 7, 8] prefix ALWAYS FULL super::act_http::variable, "Stores the value of an expression in a variable.";
        "set-var-fmt" "(<name>[,<cond>...]) <fmt>" [5, 6, 7] prefix ALWAYS FULL super::act_http::variable, "Stores a formatted text in a variable.";
        "silent-drop" "[rst-ttl <ttl>]" [14, 17, 18] whole ALWAYS FULL super::act_other::silent_drop, "Drops the connection without telling the client.";
        "unset-var" "(<name>)" [7, 8, 9] prefix ALWAYS FULL super::act_http::variable, "Removes a variable.";
    }
    TcpSession "tcp-request session" FRONT => super::tcp::tcp_request {
        "attach-srv" "<server> [name <expr>]" [NO, 9, 10] whole S30 PLANNED super::act_other::attach_srv, "Gives the connection to a reverse HTTP server.";
        "do-log" "[profile <name>]" [NO, NO, 6] whole S31 PLANNED super::act_other::do_log, "Emits a log line now.";
        "sc-add-gpc" "(<idx>,<sc>) {<int> | <expr>}" [NO, 0, 0] prefix S28 PLANNED super::act_table::add_gpc, "Adds to a general purpose counter.";
        "sc-inc-gpc" "(<idx>,<sc>)" [0, 1, 1] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments a general purpose counter.";
        "sc-inc-gpc0" "(<sc>)" [1, 2, 2] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments the first general purpose counter.";
        "sc-inc-gpc1" "(<sc>)" [2, 3, 3] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments the second general purpose counter.";
        "sc-set-gpt" "(<idx>,<sc>) {<int> | <expr>}" [3, 4, 4] prefix ALWAYS PLANNED super::act_table::set_gpt, "Sets a general purpose tag.";
        "sc-set-gpt0" "(<sc>) {<int> | <expr>}" [4, 5, 5] prefix ALWAYS PLANNED super::act_table::set_gpt, "Sets the first general purpose tag.";
        "set-dst" "<expr>" [8, 10, 11] whole ALWAYS FULL super::act_http::set_address, "Replaces the destination address.";
        "set-dst-port" "<expr>" [9, 11, 12] whole ALWAYS FULL super::act_http::set_address, "Replaces the destination port.";
        "set-fc-mark" "{<mark> | <expr>}" [NO, 12, 13] whole S30 FULL super::act_other::mark, "Sets the netfilter mark towards the client.";
        "set-fc-tos" "{<tos> | <expr>}" [NO, 13, 14] whole S30 FULL super::act_other::mark, "Sets the type of service towards the client.";
        "set-mark" "<mark>" [10, 14, 15] whole ALWAYS FULL super::act_other::mark, "Sets the netfilter mark towards the client.";
        "set-src" "<expr>" [11, 15, 16] whole ALWAYS FULL super::act_http::set_address, "Replaces the client address.";
        "set-src-port" "<expr>" [12, 16, 17] whole ALWAYS FULL super::act_http::set_address, "Replaces the client port.";
        "set-tos" "<tos>" [13, 17, 18] whole ALWAYS FULL super::act_other::mark, "Sets the type of service towards the client.";
        "set-var" "(<name>[,<cond>...]) <expr>" [6, 7, 8] prefix ALWAYS FULL super::act_http::variable, "Stores the value of an expression in a variable.";
        "set-var-fmt" "(<name>[,<cond>...]) <fmt>" [5, 6, 7] prefix ALWAYS FULL super::act_http::variable, "Stores a formatted text in a variable.";
        "silent-drop" "[rst-ttl <ttl>]" [14, 18, 19] whole ALWAYS FULL super::act_other::silent_drop, "Drops the connection without telling the client.";
        "unset-var" "(<name>)" [7, 8, 9] prefix ALWAYS FULL super::act_http::variable, "Removes a variable.";
    }
    TcpRequest "tcp-request content" PROXY => super::tcp::tcp_request {
        "do-log" "[profile <name>]" [NO, NO, 13] whole S31 PLANNED super::act_other::do_log, "Emits a log line now.";
        "do-resolve" "(<var>,<resolvers>[,ipv4|ipv6]) <expr>" [11, 12, 12] prefix ALWAYS PLANNED super::act_other::do_resolve, "Resolves a name into a variable.";
        "ot-group" "<filter> <group>" [0, 0, NO] whole OT PLANNED super::act_other::ot_group, "Runs a group of OpenTracing scopes.";
        "sc-add-gpc" "(<idx>,<sc>) {<int> | <expr>}" [NO, 5, 6] prefix S28 PLANNED super::act_table::add_gpc, "Adds to a general purpose counter.";
        "sc-inc-gpc" "(<idx>,<sc>)" [5, 6, 7] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments a general purpose counter.";
        "sc-inc-gpc0" "(<sc>)" [6, 7, 8] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments the first general purpose counter.";
        "sc-inc-gpc1" "(<sc>)" [7, 8, 9] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments the second general purpose counter.";
        "sc-set-gpt" "(<idx>,<sc>) {<int> | <expr>}" [8, 9, 10] prefix ALWAYS PLANNED super::act_table::set_gpt, "Sets a general purpose tag.";
        "sc-set-gpt0" "(<sc>) {<int> | <expr>}" [9, 10, 11] prefix ALWAYS PLANNED super::act_table::set_gpt, "Sets the first general purpose tag.";
        "send-spoe-group" "<engine> <group>" [10, 11, 0] whole ALWAYS PLANNED super::act_other::send_spoe_group, "Sends a group of messages to an agent.";
        "set-bandwidth-limit" "<name> [limit {<expr> | <size>}] [period {<expr> | <time>}]" [NO, 27, 28] whole S28 PLANNED super::act_other::bandwidth, "Limits the rate of this stream.";
        "set-bc-mark" "{<mark> | <expr>}" [NO, 16, 17] whole S30 FULL super::act_other::mark, "Sets the netfilter mark towards the server.";
        "set-bc-tos" "{<tos> | <expr>}" [NO, 17, 18] whole S30 FULL super::act_other::mark, "Sets the type of service towards the server.";
        "set-dst" "<expr>" [17, 18, 19] whole ALWAYS FULL super::act_http::set_address, "Replaces the destination address.";
        "set-dst-port" "<expr>" [18, 19, 20] whole ALWAYS FULL super::act_http::set_address, "Replaces the destination port.";
        "set-fc-mark" "{<mark> | <expr>}" [NO, 20, 21] whole S30 FULL super::act_other::mark, "Sets the netfilter mark towards the client.";
        "set-fc-tos" "{<tos> | <expr>}" [NO, 21, 22] whole S30 FULL super::act_other::mark, "Sets the type of service towards the client.";
        "set-log-level" "{silent | <level>}" [1, 1, 2] whole ALWAYS FULL super::act_other::set_log_level, "Changes the level of the log line.";
        "set-mark" "<mark>" [19, 22, 23] whole ALWAYS FULL super::act_other::mark, "Sets the netfilter mark towards the client.";
        "set-nice" "<nice>" [2, 2, 3] whole ALWAYS SILENT super::act_other::set_nice, "Changes the priority of the stream in the scheduler.";
        "set-priority-class" "<expr>" [22, 28, 29] whole ALWAYS FULL super::act_table::priority, "Sets the class a request queues in.";
        "set-priority-offset" "<expr>" [23, 29, 30] whole ALWAYS FULL super::act_table::priority, "Moves a request in its queue.";
        "set-retries" "{<n> | <expr>}" [NO, NO, 1] whole S32 FULL super::act_other::set_retries, "Changes the number of connection attempts.";
        "set-src" "<expr>" [15, 23, 24] whole ALWAYS FULL super::act_http::set_address, "Replaces the client address.";
        "set-src-port" "<expr>" [16, 24, 25] whole ALWAYS FULL super::act_http::set_address, "Replaces the client port.";
        "set-tos" "<tos>" [20, 25, 26] whole ALWAYS FULL super::act_other::mark, "Sets the type of service towards the client.";
        "set-var" "(<name>[,<cond>...]) <expr>" [13, 14, 15] prefix ALWAYS FULL super::act_http::variable, "Stores the value of an expression in a variable.";
        "set-var-fmt" "(<name>[,<cond>...]) <fmt>" [12, 13, 14] prefix ALWAYS FULL super::act_http::variable, "Stores a formatted text in a variable.";
        "silent-drop" "[rst-ttl <ttl>]" [21, 26, 27] whole ALWAYS FULL super::act_other::silent_drop, "Drops the connection without telling the client.";
        "switch-mode" "http [proto <proto>]" [3, 3, 4] whole ALWAYS H1ONLY super::act_other::switch_mode, "Turns a TCP stream into an HTTP one.";
        "unset-var" "(<name>)" [14, 15, 16] prefix ALWAYS FULL super::act_http::variable, "Removes a variable.";
        "use-service" "<service>" [4, 4, 5] whole ALWAYS PLANNED super::act_other::use_service, "Hands the request to a built-in service.";
    }
    TcpResponse "tcp-response content" BACK => super::tcp::tcp_response {
        "do-log" "[profile <name>]" [NO, NO, 9] whole S31 PLANNED super::act_other::do_log, "Emits a log line now.";
        "ot-group" "<filter> <group>" [0, 0, NO] whole OT PLANNED super::act_other::ot_group, "Runs a group of OpenTracing scopes.";
        "sc-add-gpc" "(<idx>,<sc>) {<int> | <expr>}" [NO, 3, 3] prefix S28 PLANNED super::act_table::add_gpc, "Adds to a general purpose counter.";
        "sc-inc-gpc" "(<idx>,<sc>)" [3, 4, 4] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments a general purpose counter.";
        "sc-inc-gpc0" "(<sc>)" [4, 5, 5] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments the first general purpose counter.";
        "sc-inc-gpc1" "(<sc>)" [5, 6, 6] prefix ALWAYS PLANNED super::act_table::inc_gpc, "Increments the second general purpose counter.";
        "sc-set-gpt" "(<idx>,<sc>) {<int> | <expr>}" [6, 7, 7] prefix ALWAYS PLANNED super::act_table::set_gpt, "Sets a general purpose tag.";
        "sc-set-gpt0" "(<sc>) {<int> | <expr>}" [7, 8, 8] prefix ALWAYS PLANNED super::act_table::set_gpt, "Sets the first general purpose tag.";
        "send-spoe-group" "<engine> <group>" [8, 9, 0] whole ALWAYS PLANNED super::act_other::send_spoe_group, "Sends a group of messages to an agent.";
        "set-bandwidth-limit" "<name> [limit {<expr> | <size>}] [period {<expr> | <time>}]" [NO, 18, 18] whole S28 PLANNED super::act_other::bandwidth, "Limits the rate of this stream.";
        "set-fc-mark" "{<mark> | <expr>}" [NO, 13, 13] whole S30 FULL super::act_other::mark, "Sets the netfilter mark towards the client.";
        "set-fc-tos" "{<tos> | <expr>}" [NO, 14, 14] whole S30 FULL super::act_other::mark, "Sets the type of service towards the client.";
        "set-log-level" "{silent | <level>}" [1, 1, 1] whole ALWAYS FULL super::act_other::set_log_level, "Changes the level of the log line.";
        "set-mark" "<mark>" [12, 15, 15] whole ALWAYS FULL super::act_other::mark, "Sets the netfilter mark towards the client.";
        "set-nice" "<nice>" [2, 2, 2] whole ALWAYS SILENT super::act_other::set_nice, "Changes the priority of the stream in the scheduler.";
        "set-tos" "<tos>" [13, 16, 16] whole ALWAYS FULL super::act_other::mark, "Sets the type of service towards the client.";
        "set-var" "(<name>[,<cond>...]) <expr>" [10, 11, 11] prefix ALWAYS FULL super::act_http::variable, "Stores the value of an expression in a variable.";
        "set-var-fmt" "(<name>[,<cond>...]) <fmt>" [9, 10, 10] prefix ALWAYS FULL super::act_http::variable, "Stores a formatted text in a variable.";
        "silent-drop" "[rst-ttl <ttl>]" [14, 17, 17] whole ALWAYS FULL super::act_other::silent_drop, "Drops the connection without telling the client.";
        "unset-var" "(<name>)" [11, 12, 12] prefix ALWAYS FULL super::act_http::variable, "Removes a variable.";
    }
    QuicInitial "quic-initial" FRONT => super::quic::quic_initial {
        "accept" "" [NO, NO, 0] whole S31 PLANNED super::act_other::bare, "Lets the connection begin.";
        "dgram-drop" "" [NO, NO, 1] whole S31 PLANNED super::act_other::bare, "Drops the packet.";
        "do-log" "[profile <name>]" [NO, NO, 2] whole S31 PLANNED super::act_other::do_log, "Emits a log line now.";
        "reject" "" [NO, NO, 3] whole S31 PLANNED super::act_other::bare, "Refuses the connection with an error packet.";
        "send-retry" "" [NO, NO, 4] whole S31 PLANNED super::act_other::bare, "Makes the client prove its address.";
    }
}
