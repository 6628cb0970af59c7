/*
 * Datagrams as fast as one thread can send them, many to a system call, and the other end that counts them. iperf3 makes a system call for
 * each, and is then what is measured.
 *
 *     flood receive ADDRESS PORT            prints "ready", then how many came once none has come for half a second
 *     flood send FROM ADDRESS PORT OCTETS SECONDS
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define BATCH 64
#define LONGEST 2048

static struct mmsghdr messages[BATCH];
static struct iovec parts[BATCH];
static char octets[BATCH][LONGEST];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct sockaddr_in endpoint(const char *address, int port) {
  struct sockaddr_in result = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, address, &result.sin_addr) != 1) exit(2);
  return result;
}

static void lay_out(size_t length) {
  for (int i = 0; i < BATCH; i++) {
    parts[i] = (struct iovec){octets[i], length};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }
}

static int receive(const char *address, int port) {
  struct sockaddr_in own = endpoint(address, port);
  int wire = socket(AF_INET, SOCK_DGRAM, 0), room = 8 << 20;
  setsockopt(wire, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  if (bind(wire, (struct sockaddr *)&own, sizeof own) < 0) { perror("bind"); return 1; }
  lay_out(LONGEST);
  printf("ready\n");
  fflush(stdout);
  long count = 0;
  for (;;) {
    struct timeval patience = {count == 0 ? 10 : 0, 500000};
    setsockopt(wire, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    int came = recvmmsg(wire, messages, BATCH, MSG_WAITFORONE, NULL);
    if (came < 0 && errno == EINTR) continue;
    if (came <= 0) break;
    count += came;
  }
  printf("%ld\n", count);
  return 0;
}

static int send_all(const char *from, const char *address, int port, size_t length, double seconds) {
  struct sockaddr_in own = endpoint(from, 0), peer = endpoint(address, port);
  int wire = socket(AF_INET, SOCK_DGRAM, 0), room = 1 << 20;
  setsockopt(wire, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  if (bind(wire, (struct sockaddr *)&own, sizeof own) < 0 || connect(wire, (struct sockaddr *)&peer, sizeof peer) < 0) {
    perror("socket");
    return 1;
  }
  lay_out(length);
  long count = 0;
  for (double end = now() + seconds; now() < end;) {
    int gone = sendmmsg(wire, messages, BATCH, 0);
    /* A full queue on the way is part of what is measured. */
    if (gone > 0) count += gone;
  }
  printf("%ld\n", count);
  return 0;
}

int main(int count, char **arguments) {
  if (count == 4 && !strcmp(arguments[1], "receive")) return receive(arguments[2], atoi(arguments[3]));
  if (count == 7 && !strcmp(arguments[1], "send"))
    return send_all(arguments[2], arguments[3], atoi(arguments[4]), (size_t)atoi(arguments[5]), atof(arguments[6]));
  fprintf(stderr, "flood receive ADDRESS PORT | flood send FROM ADDRESS PORT OCTETS SECONDS\n");
  return 2;
}
