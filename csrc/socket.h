/* SPDX-License-Identifier: MIT
 *
 * One send(2) past the transport, for a socket whose transport has nothing queued.
 *
 * uvloop and asyncio queue a write, look it up again at the end of the turn and then call send(2); calling it here is
 * half the work. What the socket does not take at once goes to the transport. Not on Windows, where a transport owns its
 * socket's completion port.
 */
#ifndef FC_SOCKET_H
#define FC_SOCKET_H

#include <stddef.h>

#if !defined(_WIN32)
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#if !defined(MSG_NOSIGNAL)
#define MSG_NOSIGNAL 0 /* macOS: the interpreter ignores SIGPIPE */
#endif

#define FC_CAN_SEND 1

/* Sends two buffers as one; the second may be empty. Returns the bytes that the socket took, 0 when it takes none now or
 * has failed: the transport then meets the same state and reports it. */
static inline size_t fc_socket_send(int fd, const char *first, size_t first_len, const char *second, size_t second_len)
{
  ssize_t sent;
  if (second_len == 0) {
    sent = send(fd, first, first_len, MSG_NOSIGNAL);
  } else {
    struct iovec parts[2] = {{(void *)first, first_len}, {(void *)second, second_len}};
    struct msghdr message = {0};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    sent = sendmsg(fd, &message, MSG_NOSIGNAL);
  }
  return sent < 0 ? 0 : (size_t)sent;
}

/* 1 when the socket has bytes (or its end) to be read now. */
static inline int fc_socket_readable(int fd)
{
  struct pollfd entry = {fd, POLLIN, 0};
  return poll(&entry, 1, 0) > 0;
}

/* Has the kernel ask from time to time whether a peer that has shut its side is still there: one that has gone answers with
 * a reset once its own kernel has forgotten the connection (Linux: tcp_fin_timeout, 60 s). */
static inline void fc_socket_probe_peer(int fd)
{
  int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
#if defined(TCP_KEEPIDLE) && defined(TCP_KEEPINTVL)
  int seconds = 10;
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &seconds, sizeof(seconds));
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &seconds, sizeof(seconds));
#endif
}

/* 1 when the connection is broken: reset, timed out, or shut on both sides. */
static inline int fc_socket_broken(int fd)
{
  struct pollfd entry = {fd, 0, 0};
  return poll(&entry, 1, 0) > 0 && (entry.revents & (POLLERR | POLLHUP));
}

/* Bytes that the kernel has taken and the peer's has not acknowledged; 0 where it cannot tell. */
static inline int fc_socket_unsent(int fd)
{
  int count = 0;
#if defined(__linux__)
  if (ioctl(fd, TIOCOUTQ, &count) != 0) return 0;
#elif defined(SO_NWRITE)
  socklen_t size = sizeof(count);
  if (getsockopt(fd, SOL_SOCKET, SO_NWRITE, &count, &size) != 0) return 0;
#else
  (void)fd;
#endif
  return count > 0 ? count : 0;
}

/* Makes the coming close a reset, so that the peer cannot take it for the end of a body. */
static inline void fc_socket_reset_on_close(int fd)
{
  struct linger option = {1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &option, sizeof(option));
}

#else

#define FC_CAN_SEND 0

static inline size_t fc_socket_send(int fd, const char *first, size_t first_len, const char *second, size_t second_len)
{
  (void)fd, (void)first, (void)first_len, (void)second, (void)second_len;
  return 0;
}

static inline int fc_socket_readable(int fd)
{
  (void)fd;
  return 0;
}

static inline void fc_socket_probe_peer(int fd)
{
  (void)fd;
}

static inline int fc_socket_broken(int fd)
{
  (void)fd;
  return 0;
}

static inline int fc_socket_unsent(int fd)
{
  (void)fd;
  return 0;
}

static inline void fc_socket_reset_on_close(int fd)
{
  (void)fd;
}

#endif
#endif
