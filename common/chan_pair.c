/* SPDX-License-Identifier: Apache-2.0 */
/* Apart from the rest of chan.h: who only uses channels needs no call that makes sockets. */
#include <errno.h>
#include <sys/socket.h>

#include "common/chan.h"

int
chan_pair(int sndbuf, int ret_fds[2])
{
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	/* The kernel cuts this to net.core.wmem_max: a smaller buffer is slower, not wrong. */
	for (size_t i = 0; i < 2; i++)
		(void)setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
	ret_fds[0] = fds[0];
	ret_fds[1] = fds[1];
	return 0;
}
