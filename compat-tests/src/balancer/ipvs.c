/* Stands in for the kernel's IPVS where there is none: whatever keepalived asks of it is granted, and forgotten.
 * Loaded before keepalived's libnl-genl, whose functions these are in name. */
#include <stddef.h>

struct nl_msg;
struct nl_sock;
typedef int (*callback)(struct nl_msg *, void *);

enum { CALLBACK_ACK = 4, FAMILY = 42, SENT = 20 };

static callback acknowledge;
static void *argument;

int genl_connect(struct nl_sock *socket) { (void)socket; return 0; }

int genl_ctrl_resolve(struct nl_sock *socket, const char *name) { (void)socket; (void)name; return FAMILY; }

int nl_socket_modify_cb(struct nl_sock *socket, int type, int kind, callback function, void *given) {
    (void)socket;
    (void)kind;
    if (type == CALLBACK_ACK) {
        acknowledge = function;
        argument = given;
    }
    return 0;
}

int nl_send_auto(struct nl_sock *socket, struct nl_msg *message) { (void)socket; (void)message; return SENT; }

int nl_recvmsgs_default(struct nl_sock *socket) {
    (void)socket;
    if (acknowledge != NULL)
        acknowledge(NULL, argument);
    return 0;
}
