/* SPDX-License-Identifier: MIT
 *
 * The floor under every server: one thread, one epoll set, one read and one write a turn, and nothing else.
 *
 * It does not parse: whatever one read brings is answered with one fixed response, so it is no HTTP server, and only a
 * client that keeps one request in flight understands it. What it costs is what the kernel costs. Built and started by
 * floor.py as `floor PORT BODY_BYTES`; listens on 127.0.0.1.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 512, HEAD_BYTES = 256, READ_BYTES = 65536, BODY_MOST = 1 << 20 };

static int die(const char *what) {
  perror(what);
  return 1;
}

static int listen_on(uint16_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
      bind(fd, (struct sockaddr *)&address, sizeof address) || listen(fd, 4096)) {
    return -1;
  }
  return fd;
}

/* The whole response: a head like the one the Python servers send, and size letters. Returns its length, 0 on failure. */
static size_t make_response(char **response, size_t size) {
  *response = malloc(HEAD_BYTES + size);
  if (!*response) {
    return 0;
  }
  int head = snprintf(*response, HEAD_BYTES,
                      "HTTP/1.1 200 OK\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %zu\r\n"
                      "server: floor\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n",
                      size);
  memset(*response + head, 'x', size);
  return (size_t)head + size;
}

static void accept_all(int listener, int poll) {
  int on = 1;
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event)) {
      close(fd);
    }
  }
}

static void serve(int listener, int poll, const char *response, size_t length) {
  static char request[READ_BYTES];
  struct epoll_event events[EVENTS];
  for (;;) {
    int ready = epoll_wait(poll, events, EVENTS, -1);
    for (int i = 0; i < ready; i++) {
      int fd = events[i].data.fd;
      if (fd == listener) {
        accept_all(listener, poll);
      } else if (read(fd, request, sizeof request) <= 0 || write(fd, response, length) != (ssize_t)length) {
        close(fd);
      }
    }
  }
}

int main(int argc, char **argv) {
  long port = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
  long size = argc > 2 ? strtol(argv[2], NULL, 10) : 13;
  if (port < 1 || port > 65535 || size < 0 || size > BODY_MOST) {
    fprintf(stderr, "usage: floor PORT [BODY_BYTES], PORT 1-65535, BODY_BYTES 0-%d\n", BODY_MOST);
    return 2;
  }
  char *response = NULL;
  size_t length = make_response(&response, (size_t)size);
  if (!length) {
    return die("malloc");
  }
  int listener = listen_on((uint16_t)port);
  if (listener < 0) {
    return die("listen");
  }
  int poll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
  if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event)) {
    return die("epoll");
  }
  serve(listener, poll, response, length);
  return 0;
}
