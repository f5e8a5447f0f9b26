/* SPDX-License-Identifier: MIT
 *
 * The WebSocket load generator: one thread, one epoll set, N connections with M messages in flight on each.
 *
 * Built and started by ws_client.py with the arguments named in parse_option below; talks to 127.0.0.1 and prints one
 * line of JSON. Every byte of every message that comes back is compared with what was sent. A message is masked, and
 * compressed, once: sending costs one writev, so that the client is never what is measured. In a broadcast the first
 * connection sends and all must receive. Compression needs zlib: cc -DWITH_ZLIB ... -lz. Longer: this file - one program,
 * compiled by one command, whose parts share the state of a connection.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#ifdef WITH_ZLIB
#include <zlib.h>
#endif

enum {
  MOST_CONNECTIONS = 4096,
  MOST_FLIGHT = 64,
  MOST_SIZE = 16 << 20,
  EVENTS = 256,
  READ_BYTES = 1 << 18,
  HEAD_BYTES = 4096,
  BUCKETS = 2048, /* 32 a power of two, from 1 ns to 2^63 ns: a quantile is off by 3 % at most */
  STALL_MS = 10000,
  WINDOW_BITS = 9, /* the messages are compressed before a server can say which window it wants: any allows 512 bytes */
};

static struct {
  long port, connections, flight, size, deflate, broadcast, text, milliseconds, warmup;
  char path[256];
} options = {.connections = 32, .flight = 1, .size = 64, .milliseconds = 2000, .path = "/"};

typedef struct {
  int fd;
  unsigned writable : 1;   /* epoll waits for room */
  unsigned answered : 1;   /* the handshake is over */
  unsigned compressed : 1; /* the message that arrives is */
  unsigned inside : 1;     /* between the frames of a message */
  unsigned control : 1;    /* the frame that arrives is a control frame: its payload is passed over */
  unsigned final : 1;      /* the frame that arrives ends its message */
  int head;                /* bytes of the handshake's answer or of a frame's head held in `held` */
  unsigned char held[HEAD_BYTES];
  uint64_t left;     /* bytes of the payload still to come */
  size_t matched;    /* bytes of the message that arrived and were right */
  long queued;       /* messages to write, the first one partly written */
  size_t written;    /* bytes of it that are written */
  uint64_t received; /* messages */
  uint64_t sent_at[MOST_FLIGHT];
  unsigned first, waiting; /* the ring of sent_at */
#ifdef WITH_ZLIB
  z_stream inflater;
#endif
} Connection;

static Connection *connections;
static int poll_fd;
static unsigned char *payload, *frame;
static size_t frame_bytes;
static uint64_t histogram[BUCKETS];
static uint64_t messages, delivered[MOST_FLIGHT], rounds, round_started[MOST_FLIGHT];
static int measuring, stopping;

/* --- failures and time --------------------------------------------------------------------------------------------- */

static void fail(const char *what, const char *detail) {
  printf("{\"error\": \"%s%s%s\"}\n", what, *detail ? ": " : "", detail);
  fflush(stdout);
  _exit(1);
}

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void count_latency(uint64_t ns) {
  if (ns < 32) {
    histogram[ns]++;
    return;
  }
  int shift = 63 - __builtin_clzll(ns) - 5;
  histogram[(size_t)(shift + 1) * 32 + ((ns >> shift) & 31)]++;
}

/* The middle of the bucket that holds a quantile, in microseconds. */
static double quantile(double share) {
  uint64_t all = 0, seen = 0;
  for (int i = 0; i < BUCKETS; i++) all += histogram[i];
  uint64_t wanted = (uint64_t)((double)all * share);
  for (int i = 0; i < BUCKETS; i++) {
    seen += histogram[i];
    if (histogram[i] && seen > wanted) {
      if (i < 64) return i / 1e3;
      uint64_t least = (uint64_t)(32 + (i & 31)) << (i / 32 - 1);
      return ((double)least + (double)(1ull << (i / 32 - 1)) / 2) / 1e3;
    }
  }
  return 0;
}

/* --- messages ------------------------------------------------------------------------------------------------------ */

/* Lines that look like the JSON of a chat, so that compression has the work it has in practice. */
static void make_payload(void) {
  uint64_t seed = 0x9e3779b97f4a7c15u;
  payload = malloc((size_t)options.size + 128);
  if (!payload) fail("no memory", "");
  for (size_t at = 0; at < (size_t)options.size;) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    at += (size_t)snprintf((char *)payload + at, 128,
                           "{\"user\": %u, \"room\": \"%c%c\", \"at\": 17%08u, \"text\": \"%x\"}\n",
                           (unsigned)(seed >> 40) % 5000, 'a' + (int)(seed >> 33) % 26, 'a' + (int)(seed >> 20) % 26,
                           (unsigned)(seed >> 32) % 100000000, (unsigned)(seed >> 30));
  }
}

/* The payload as it goes into a frame: a message compressed with an empty window, or as it is. */
static size_t compress_payload(unsigned char **data) {
  *data = payload;
#ifdef WITH_ZLIB
  if (options.deflate) {
    z_stream deflater = {0};
    if (deflateInit2(&deflater, 6, Z_DEFLATED, -WINDOW_BITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) fail("deflateInit2", "");
    size_t room = deflateBound(&deflater, (uLong)options.size) + 64;
    *data = malloc(room);
    if (!*data) fail("no memory", "");
    deflater.next_in = payload;
    deflater.avail_in = (uInt)options.size;
    deflater.next_out = *data;
    deflater.avail_out = (uInt)room;
    if (deflate(&deflater, Z_SYNC_FLUSH) != Z_OK || deflater.avail_in) fail("deflate", "");
    size_t length = room - deflater.avail_out - 4; /* RFC 7692 7.2.1: without 00 00 ff ff */
    deflateEnd(&deflater);
    return length;
  }
#endif
  return (size_t)options.size;
}

/* The one masked frame (RFC 6455 5.2) that every message is. */
static void make_frame(void) {
  static const unsigned char mask[4] = {0x5a, 0xc3, 0x19, 0x7e};
  unsigned char *data;
  size_t length = compress_payload(&data);
  frame = malloc(length + 14);
  if (!frame) fail("no memory", "");
  size_t at = 0;
  frame[at++] = (unsigned char)(0x80 | (options.deflate ? 0x40 : 0) | (options.text ? 1 : 2));
  if (length < 126) {
    frame[at++] = (unsigned char)(0x80 | length);
  } else {
    int bytes = length < 65536 ? 2 : 8;
    frame[at++] = bytes == 2 ? 0x80 | 126 : 0x80 | 127;
    for (int i = bytes - 1; i >= 0; i--) frame[at++] = (unsigned char)((uint64_t)length >> (8 * i));
  }
  memcpy(frame + at, mask, 4);
  at += 4;
  for (size_t i = 0; i < length; i++) frame[at + i] = data[i] ^ mask[i & 3];
  frame_bytes = at + length;
}

/* --- sending ------------------------------------------------------------------------------------------------------- */

static void watch(Connection *connection, int writable) {
  struct epoll_event event = {.events = EPOLLIN | (writable ? EPOLLOUT : 0u), .data.ptr = connection};
  if (connection->writable != (unsigned)writable) {
    connection->writable = (unsigned)writable;
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, connection->fd, &event);
  }
}

static void flush(Connection *connection) {
  while (connection->queued) {
    struct iovec pieces[MOST_FLIGHT];
    int count = connection->queued < MOST_FLIGHT ? (int)connection->queued : MOST_FLIGHT;
    for (int i = 0; i < count; i++) pieces[i] = (struct iovec){frame, frame_bytes};
    pieces[0].iov_base = frame + connection->written;
    pieces[0].iov_len -= connection->written;
    ssize_t written = writev(connection->fd, pieces, count);
    if (written < 0) {
      if (errno == EAGAIN) break;
      fail("write", strerror(errno));
    }
    size_t sent = (size_t)written + connection->written;
    connection->queued -= (long)(sent / frame_bytes);
    connection->written = sent % frame_bytes;
  }
  watch(connection, connection->queued > 0);
}

static void send_messages(Connection *connection, long count) {
  uint64_t now = now_ns();
  for (long i = 0; i < count; i++) {
    if (options.broadcast) {
      round_started[(rounds + connection->waiting++) % MOST_FLIGHT] = now;
    } else {
      connection->sent_at[(connection->first + connection->waiting++) % MOST_FLIGHT] = now;
    }
  }
  connection->queued += count;
  flush(connection);
}

/* --- receiving ----------------------------------------------------------------------------------------------------- */

static void match(Connection *connection, const unsigned char *data, size_t length) {
  if (connection->matched + length > (size_t)options.size || memcmp(payload + connection->matched, data, length)) {
    fail("a message came back changed", "");
  }
  connection->matched += length;
}

#ifdef WITH_ZLIB
static void inflate_piece(Connection *connection, const unsigned char *data, size_t length) {
  static unsigned char out[READ_BYTES];
  z_stream *inflater = &connection->inflater;
  inflater->next_in = (unsigned char *)data;
  inflater->avail_in = (uInt)length;
  do {
    inflater->next_out = out;
    inflater->avail_out = sizeof out;
    int code = inflate(inflater, Z_SYNC_FLUSH);
    if (code != Z_OK && code != Z_BUF_ERROR) fail("what came back cannot be inflated", "");
    match(connection, out, sizeof out - inflater->avail_out);
  } while (inflater->avail_in || !inflater->avail_out);
}
#endif

static void take_payload(Connection *connection, const unsigned char *data, size_t length) {
  if (connection->control) return;
#ifdef WITH_ZLIB
  if (connection->compressed) {
    inflate_piece(connection, data, length);
    return;
  }
#endif
  match(connection, data, length);
}

/* A whole message has arrived: returns how many new ones this connection may send. */
static long end_message(Connection *connection) {
#ifdef WITH_ZLIB
  if (connection->compressed) inflate_piece(connection, (const unsigned char *)"\0\0\xff\xff", 4);
#endif
  if (connection->matched != (size_t)options.size) fail("a message came back short", "");
  connection->matched = 0;
  if (options.broadcast) {
    delivered[connection->received % MOST_FLIGHT]++;
    connection->received++;
    messages += (uint64_t)measuring;
    return 0;
  }
  connection->received++;
  messages += (uint64_t)measuring;
  if (measuring) count_latency(now_ns() - connection->sent_at[connection->first]);
  connection->first = (connection->first + 1) % MOST_FLIGHT;
  connection->waiting--;
  return !stopping;
}

/* A broadcast that has reached everyone makes room for the next one of the first connection. */
static void end_rounds(void) {
  long free = 0;
  while (delivered[rounds % MOST_FLIGHT] == (uint64_t)options.connections) {
    delivered[rounds % MOST_FLIGHT] = 0;
    if (measuring) count_latency(now_ns() - round_started[rounds % MOST_FLIGHT]);
    rounds++;
    connections[0].waiting--;
    free++;
  }
  if (free && !stopping) send_messages(&connections[0], free);
}

/* Reads a frame's head; returns its size, or 0 when bytes are missing. */
static size_t read_head(Connection *connection, const unsigned char *data, size_t length) {
  if (length < 2) return 0;
  size_t size = (data[1] & 127) == 126 ? 4 : (data[1] & 127) == 127 ? 10 : 2;
  if (length < size) return 0;
  uint64_t payload_bytes = data[1] & 127;
  if (size > 2) {
    payload_bytes = 0;
    for (size_t i = 2; i < size; i++) payload_bytes = payload_bytes << 8 | data[i];
  }
  int opcode = data[0] & 15;
  if (opcode == 8) fail("the server closed the WebSocket", "");
  connection->control = opcode >= 8;
  connection->final = data[0] >> 7;
  connection->left = payload_bytes;
  if (!connection->control) {
    if ((opcode == 0) != connection->inside) fail("a frame out of order", "");
    if (opcode && opcode != (options.text ? 1 : 2)) fail("a message came back as another type", "");
    if (opcode) connection->compressed = data[0] >> 6 & 1;
    connection->inside = !connection->final;
  }
  return size;
}

static void take_bytes(Connection *connection, const unsigned char *data, size_t length) {
  long more = 0;
  for (;;) {
    if (!connection->left) {
      /* The head of the next frame: in `held` when an earlier read brought its beginning. */
      size_t held = (size_t)connection->head, copied = length < 14 - held ? length : 14 - held, size;
      const unsigned char *head = data;
      if (!length) break;
      if (held) {
        memcpy(connection->held + held, data, copied);
        head = connection->held;
        size = read_head(connection, head, held + copied);
      } else {
        size = read_head(connection, head, length);
      }
      if (!size) {
        if (!held) memcpy(connection->held, data, copied);
        connection->head = (int)(held + copied);
        break;
      }
      connection->head = 0;
      data += size - held;
      length -= size - held;
    }
    size_t piece = connection->left < length ? (size_t)connection->left : length;
    take_payload(connection, data, piece);
    data += piece;
    length -= piece;
    connection->left -= piece;
    if (connection->left) break;
    if (!connection->control && connection->final) more += end_message(connection);
  }
  if (more) send_messages(connection, more);
  if (options.broadcast) end_rounds();
}

/* The answer to the handshake; its end may bring the first frames with it. */
static void take_answer(Connection *connection, const unsigned char *data, size_t length) {
  if ((size_t)connection->head + length >= HEAD_BYTES) fail("the answer to the handshake is too long", "");
  memcpy(connection->held + connection->head, data, length);
  size_t held = (size_t)connection->head + length;
  unsigned char *end = memmem(connection->held, held, "\r\n\r\n", 4);
  connection->head = (int)held;
  if (!end) return;
  *end = 0;
  char *answer = (char *)connection->held;
  if (strncmp(answer, "HTTP/1.1 101", 12)) {
    answer[strcspn(answer, "\r\n\"\\")] = 0;
    fail("the handshake was refused", answer);
  }
  if (options.deflate && !strcasestr(answer, "permessage-deflate"))
    fail("it does not negotiate permessage-deflate", "");
  static unsigned char rest[HEAD_BYTES];
  size_t left = held - (size_t)(end + 4 - connection->held);
  memcpy(rest, end + 4, left);
  connection->head = 0;
  connection->answered = 1;
  take_bytes(connection, rest, left);
}

static void serve_event(struct epoll_event *event) {
  static unsigned char data[READ_BYTES];
  Connection *connection = event->data.ptr;
  if (event->events & EPOLLOUT) flush(connection);
  if (!(event->events & (EPOLLIN | EPOLLERR | EPOLLHUP))) return;
  ssize_t length = read(connection->fd, data, sizeof data);
  if (length > 0) {
    (connection->answered ? take_bytes : take_answer)(connection, data, (size_t)length);
  } else if (length == 0) {
    fail("the server closed the connection", "");
  } else if (errno != EAGAIN) {
    fail("read", strerror(errno));
  }
}

/* Serves events until a deadline, or until `done` says so. */
static void serve_until(uint64_t deadline, int (*done)(void)) {
  struct epoll_event events[EVENTS];
  uint64_t moved = now_ns();
  for (uint64_t now = moved; now < deadline && !(done && done()); now = now_ns()) {
    uint64_t wait = (deadline - now) / 1000000 + 1;
    int ready = epoll_wait(poll_fd, events, EVENTS, wait < 1000 ? (int)wait : 1000);
    for (int i = 0; i < ready; i++) serve_event(&events[i]);
    if (ready > 0)
      moved = now_ns();
    else if (now_ns() - moved > STALL_MS * 1000000ull)
      fail("nothing came back for 10 s", "");
  }
}

/* --- the run ------------------------------------------------------------------------------------------------------- */

static void open_connection(Connection *connection) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1;
  char request[1024];
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection->fd < 0 || connect(connection->fd, (struct sockaddr *)&address, sizeof address)) {
    fail("connect", strerror(errno));
  }
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  int length =
      snprintf(request, sizeof request,
               "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%ld\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
               options.path, options.port,
               options.deflate ? "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n" : "");
  if (write(connection->fd, request, (size_t)length) != length) fail("write", strerror(errno));
  fcntl(connection->fd, F_SETFL, O_NONBLOCK);
#ifdef WITH_ZLIB
  if (options.deflate && inflateInit2(&connection->inflater, -15) != Z_OK) fail("inflateInit2", "");
#endif
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
  if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, connection->fd, &event)) fail("epoll_ctl", strerror(errno));
}

static int all_answered(void) {
  for (long i = 0; i < options.connections; i++) {
    if (!connections[i].answered) return 0;
  }
  return 1;
}

static int all_returned(void) {
  for (long i = 0; i < options.connections; i++) {
    if (connections[i].waiting || (options.broadcast && connections[i].received != rounds)) return 0;
  }
  return 1;
}

static double cpu_seconds(void) {
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void run(void) {
  const uint64_t ms = 1000000;
  for (long i = 0; i < options.connections; i++) open_connection(&connections[i]);
  serve_until(now_ns() + STALL_MS * ms, all_answered);
  if (!all_answered()) fail("the handshakes were not answered within 10 s", "");
  for (long i = 0; i < (options.broadcast ? 1 : options.connections); i++)
    send_messages(&connections[i], options.flight);
  serve_until(now_ns() + (uint64_t)options.warmup * ms, NULL);
  /* The caller reads the server's processor time at these two lines. */
  printf("begin\n");
  fflush(stdout);
  measuring = 1;
  uint64_t began = now_ns();
  double cpu = cpu_seconds();
  serve_until(began + (uint64_t)options.milliseconds * ms, NULL);
  double seconds = (double)(now_ns() - began) / 1e9;
  cpu = cpu_seconds() - cpu;
  measuring = 0;
  stopping = 1;
  printf("{\"messages\": %llu, \"seconds\": %.6f, \"p50_us\": %.2f, \"p99_us\": %.2f, \"busy\": %.3f}\n",
         (unsigned long long)messages, seconds, quantile(0.5), quantile(0.99), cpu / seconds);
  fflush(stdout);
  serve_until(now_ns() + STALL_MS * ms, all_returned);
  if (!all_returned()) fail("the last messages did not come back", "");
  printf("end\n");
}

static const struct {
  const char *name;
  long *value, least, most;
} NUMBERS[] = {
    {"port", &options.port, 1, 65535},
    {"connections", &options.connections, 1, MOST_CONNECTIONS},
    {"flight", &options.flight, 1, MOST_FLIGHT},
    {"size", &options.size, 1, MOST_SIZE},
    {"deflate", &options.deflate, 0, 1},
    {"broadcast", &options.broadcast, 0, 1},
    {"text", &options.text, 0, 1},
    {"milliseconds", &options.milliseconds, 1, 3600000},
    {"warmup", &options.warmup, 0, 3600000},
};

/* Takes one argument, NAME=NUMBER or path=/...; returns whether it is one. */
static int parse_option(const char *argument) {
  const char *value = strchr(argument, '=');
  if (!value++) return 0;
  size_t length = (size_t)(value - argument) - 1;
  if (length == 4 && !strncmp(argument, "path", 4)) {
    return (size_t)snprintf(options.path, sizeof options.path, "%s", value) < sizeof options.path;
  }
  for (size_t i = 0; i < sizeof NUMBERS / sizeof *NUMBERS; i++) {
    if (strlen(NUMBERS[i].name) == length && !strncmp(argument, NUMBERS[i].name, length)) {
      char *end;
      *NUMBERS[i].value = strtol(value, &end, 10);
      return *value && !*end && *NUMBERS[i].value >= NUMBERS[i].least && *NUMBERS[i].value <= NUMBERS[i].most;
    }
  }
  return 0;
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (!parse_option(argv[i])) fail("not an option of ws_client, or out of range", argv[i]);
  }
  if (!options.port) fail("give port=NUMBER", "");
#ifndef WITH_ZLIB
  if (options.deflate) fail("this client was built without zlib (install zlib1g-dev)", "");
#endif
  connections = calloc((size_t)options.connections, sizeof *connections);
  poll_fd = epoll_create1(EPOLL_CLOEXEC);
  if (!connections || poll_fd < 0) fail("no memory", "");
  make_payload();
  make_frame();
  run();
  return 0;
}
