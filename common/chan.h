/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A channel: one end of a close-on-exec SOCK_SEQPACKET socketpair; one frame per datagram. Knows
 * nothing of what is in a frame (proto/msg.h does).
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Both ends blocking, close-on-exec, send buffer of at least sndbuf bytes where the kernel allows. */
int chan_pair(int sndbuf, int ret_fds[2]);

/*
 * Send one frame, with one descriptor attached when fd >= 0 (not closed here). Never blocks and
 * never raises SIGPIPE. 0, -EAGAIN when the channel is full, -EPIPE or -ECONNRESET when the peer
 * is gone, -EMSGSIZE beyond LIMIT_FRAME.
 */
int chan_send(int fd, const void *frame, size_t n, int attached);

/*
 * Receive one frame without blocking. Returns its length (> 0), 0 when the peer has closed (also
 * for ECONNRESET: a SEQPACKET peer that closes with unread data resets), -EAGAIN when nothing is
 * there, -EMSGSIZE when the frame was longer than cap (it is gone), -EBADMSG when ancillary data
 * was cut or more than one descriptor came. *ret_attached is the descriptor that came with it
 * (caller owns, close-on-exec) or -1; pass NULL to refuse descriptors: then one that came is closed
 * and -EBADMSG returned. An empty datagram is -EBADMSG, never an end of file.
 */
ssize_t chan_recv(int fd, void *buf, size_t cap, int *ret_attached);
