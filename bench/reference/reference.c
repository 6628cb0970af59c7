/*
 * A yardstick, never a product: the shortest path of ESP between a TUN device and a UDP socket that C can take with one thread and
 * the system's OpenSSL. Fixed key, no replay check, no policy, IPv4 only. It uses the same kernel features as the gateway: segmentation
 * offload and merging on both sides.
 *
 *     reference DEVICE LOCAL REMOTE PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SOL_UDP_LEVEL 17
#define SEGMENT_OPTION 103
#define GRO_OPTION 104
#define ESP_HEAD 16 /* SPI, sequence, IV */
#define ICV 16
#define VNET ((int)sizeof(struct virtio_net_hdr))
#define BURST 8

static int device, wire;
static struct sockaddr_in peer;
static EVP_CIPHER_CTX *sealing, *opening;
static uint64_t sequence = 1;
static uint8_t from_host[1 << 17], to_wire[1 << 18], from_wire[1 << 17], merged[1 << 17];

static uint16_t get16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static uint32_t get32(const uint8_t *p) { return (uint32_t)get16(p) << 16 | get16(p + 2); }
static void put16(uint8_t *p, uint32_t v) { p[0] = (uint8_t)(v >> 8); p[1] = (uint8_t)v; }
static void put32(uint8_t *p, uint32_t v) { put16(p, v >> 16); put16(p + 2, v); }

/* Ones' complement sum in host order; equal in every byte order once it is stored as it is. */
static uint16_t sum(const uint8_t *p, size_t octets, uint64_t start) {
  uint64_t total = start;
  for (; octets >= 4; p += 4, octets -= 4) { uint32_t word; memcpy(&word, p, 4); total += word; }
  if (octets >= 2) { uint16_t word; memcpy(&word, p, 2); total += word; p += 2; octets -= 2; }
  if (octets) total += *p;
  while (total >> 16) total = (total & 0xffff) + (total >> 16);
  return (uint16_t)total;
}

static void store(uint8_t *p, uint16_t v) { memcpy(p, &v, 2); }

static uint64_t pseudo(const uint8_t *ip, int protocol, int octets) {
  return (uint64_t)sum(ip + 12, 8, 0) + htons((uint16_t)protocol) + htons((uint16_t)octets);
}

static void fatal(const char *what) { perror(what); exit(1); }

/* The packet stands ESP_HEAD behind `esp`. Returns the length of the ESP packet. */
static int seal(uint8_t *esp, int inner) {
  uint8_t nonce[12] = {1, 2, 3, 4};
  int written, padding = -(inner + 2) & 3, plain = inner + padding + 2;
  put32(esp, 0x1000);
  put32(esp + 4, (uint32_t)sequence);
  put32(esp + 8, (uint32_t)(sequence >> 32));
  put32(esp + 12, (uint32_t)sequence);
  sequence++;
  memcpy(nonce + 4, esp + 8, 8);
  uint8_t *end = esp + ESP_HEAD + inner;
  for (int i = 0; i < padding; i++) *end++ = (uint8_t)(i + 1);
  end[0] = (uint8_t)padding;
  end[1] = 4;
  EVP_EncryptInit_ex(sealing, NULL, NULL, NULL, nonce);
  EVP_EncryptUpdate(sealing, NULL, &written, esp, 8);
  EVP_EncryptUpdate(sealing, esp + ESP_HEAD, &written, esp + ESP_HEAD, plain);
  EVP_EncryptFinal_ex(sealing, esp + ESP_HEAD, &written);
  EVP_CIPHER_CTX_ctrl(sealing, EVP_CTRL_AEAD_GET_TAG, ICV, esp + ESP_HEAD + plain);
  return ESP_HEAD + plain + ICV;
}

/* Returns the length of the inner packet, or -1. */
static int open_esp(uint8_t *esp, int octets) {
  uint8_t nonce[12] = {1, 2, 3, 4};
  int written, plain = octets - ESP_HEAD - ICV;
  if (plain < 4) return -1;
  memcpy(nonce + 4, esp + 8, 8);
  EVP_DecryptInit_ex(opening, NULL, NULL, NULL, nonce);
  EVP_CIPHER_CTX_ctrl(opening, EVP_CTRL_AEAD_SET_TAG, ICV, esp + ESP_HEAD + plain);
  EVP_DecryptUpdate(opening, NULL, &written, esp, 8);
  EVP_DecryptUpdate(opening, esp + ESP_HEAD, &written, esp + ESP_HEAD, plain);
  if (EVP_DecryptFinal_ex(opening, esp + ESP_HEAD, &written) <= 0) return -1;
  return plain - 2 - esp[ESP_HEAD + plain - 2];
}

static void transmit(int octets, int segment) {
  struct iovec part = {to_wire, (size_t)octets};
  char control[CMSG_SPACE(2)] = {0};
  struct msghdr message = {&peer, sizeof peer, &part, 1, NULL, 0, 0};
  if (segment && octets > segment) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    struct cmsghdr *option = CMSG_FIRSTHDR(&message);
    option->cmsg_level = SOL_UDP_LEVEL;
    option->cmsg_type = SEGMENT_OPTION;
    option->cmsg_len = CMSG_LEN(2);
    uint16_t size = (uint16_t)segment;
    memcpy(CMSG_DATA(option), &size, 2);
  }
  while (sendmsg(wire, &message, 0) < 0)
    if (errno != EAGAIN && errno != ENOBUFS) { perror("sendmsg"); return; }
}

static void handle_host(int octets) {
  struct virtio_net_hdr vnet;
  memcpy(&vnet, from_host, sizeof vnet);
  uint8_t *ip = from_host + VNET;
  int length = octets - VNET, start = vnet.csum_start;
  if (vnet.gso_type == VIRTIO_NET_HDR_GSO_NONE) {
    if (vnet.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
      store(ip + start + vnet.csum_offset, (uint16_t)~sum(ip + start, (size_t)(length - start), 0));
    memcpy(to_wire + ESP_HEAD, ip, (size_t)length);
    transmit(seal(to_wire, length), 0);
    return;
  }
  int tcp = (vnet.gso_type & 0x7f) != 5, header = start + (tcp ? (ip[start + 12] >> 4) * 4 : 8);
  int payload = length - header, used = 0, size = 0, count = 0;
  uint32_t first = get32(ip + start + 4), identification = get16(ip + 4);
  for (int at = 0, i = 0; at < payload; at += vnet.gso_size, i++) {
    int slice = payload - at < vnet.gso_size ? payload - at : vnet.gso_size;
    uint8_t *o = to_wire + used + ESP_HEAD, *t = o + start;
    memcpy(o, ip, (size_t)header);
    memcpy(o + header, ip + header + at, (size_t)slice);
    put16(o + 2, (uint32_t)(header + slice));
    put16(o + 4, identification + (uint32_t)i);
    put16(o + 10, 0);
    store(o + 10, (uint16_t)~sum(o, (size_t)start, 0));
    int body = header - start + slice;
    if (tcp) {
      put32(t + 4, first + (uint32_t)at);
      if (at + slice < payload) t[13] &= (uint8_t)~0x09;
      if (i) t[13] &= 0x7f;
    } else put16(t + 4, (uint32_t)body);
    uint8_t *field = t + (tcp ? 16 : 6);
    put16(field, 0);
    store(field, (uint16_t)~sum(t, (size_t)body, pseudo(o, tcp ? 6 : 17, body)));
    int sealed = seal(to_wire + used, header + slice);
    if (!size) size = sealed;
    used += sealed;
    count++;
    if (count == 64 || used + size > 65400 || at + slice == payload) {
      transmit(used, count > 1 ? size : 0);
      used = size = count = 0;
    }
  }
}

/* One TCP packet that grows; IP begins at merged + VNET. */
static int grown, grown_segment, grown_count, grown_closed;
static uint32_t grown_next;

static void deliver(void) {
  if (!grown) return;
  struct virtio_net_hdr vnet = {0};
  uint8_t *ip = merged + VNET;
  if (grown_count > 1) {
    vnet.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    vnet.gso_type = VIRTIO_NET_HDR_GSO_TCPV4;
    vnet.hdr_len = (uint16_t)(20 + (ip[32] >> 4) * 4);
    vnet.gso_size = (uint16_t)grown_segment;
    vnet.csum_start = 20;
    vnet.csum_offset = 16;
    put16(ip + 2, (uint32_t)grown);
    put16(ip + 10, 0);
    store(ip + 10, (uint16_t)~sum(ip, 20, 0));
    uint64_t total = pseudo(ip, 6, grown - 20);
    while (total >> 16) total = (total & 0xffff) + (total >> 16);
    store(ip + 36, (uint16_t)total);
  }
  memcpy(merged, &vnet, sizeof vnet);
  if (write(device, merged, (size_t)(grown + VNET)) < 0 && errno != EAGAIN) perror("write");
  grown = 0;
}

static void to_host(const uint8_t *p, int octets) {
  int whole = p[0] == 0x45 && p[9] == 6 && octets >= 40 && !(get16(p + 6) & 0x3fff);
  int header = whole ? 20 + (p[32] >> 4) * 4 : 0, payload = octets - header;
  int flags = whole ? p[33] : 0;
  int joins = whole && payload > 0 && (flags & ~8) == 0x10 &&
              sum(p + 20, (size_t)(octets - 20), pseudo(p, 6, octets - 20)) == 0xffff;
  uint8_t *g = merged + VNET;
  if (joins && grown && !grown_closed && header == 20 + (g[32] >> 4) * 4 &&
      !memcmp(p + 12, g + 12, 12) && !memcmp(p + 28, g + 28, 4) && !memcmp(p + 34, g + 34, 2) &&
      !memcmp(p + 40, g + 40, (size_t)(header - 40)) && p[1] == g[1] && p[8] == g[8] &&
      get32(p + 24) == grown_next && payload <= grown_segment && grown + payload <= 65535) {
    memcpy(g + grown, p + header, (size_t)payload);
    grown += payload;
    grown_next += (uint32_t)payload;
    grown_count++;
    g[33] |= flags & 8;
    grown_closed = payload < grown_segment || (flags & 8);
    return;
  }
  deliver();
  memcpy(g, p, (size_t)octets);
  grown = octets;
  grown_count = 1;
  grown_segment = payload;
  grown_closed = !joins || (flags & 8);
  grown_next = joins ? get32(p + 24) + (uint32_t)payload : 0;
  if (!joins) deliver();
}

static int receive(int *segment) {
  struct iovec part = {from_wire, sizeof from_wire};
  char control[64];
  struct msghdr message = {NULL, 0, &part, 1, control, sizeof control, 0};
  int octets = (int)recvmsg(wire, &message, 0);
  *segment = octets;
  for (struct cmsghdr *o = CMSG_FIRSTHDR(&message); octets > 0 && o; o = CMSG_NXTHDR(&message, o))
    if (o->cmsg_level == SOL_UDP_LEVEL && o->cmsg_type == GRO_OPTION) memcpy(segment, CMSG_DATA(o), sizeof *segment);
  return octets;
}

int main(int count, char **arguments) {
  if (count != 5) { fprintf(stderr, "reference DEVICE LOCAL REMOTE PORT\n"); return 2; }
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(arguments[4]))};
  peer = own;
  if (inet_pton(AF_INET, arguments[2], &own.sin_addr) != 1 || inet_pton(AF_INET, arguments[3], &peer.sin_addr) != 1) return 2;
  device = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
  struct ifreq request = {0};
  strncpy(request.ifr_name, arguments[1], IFNAMSIZ - 1);
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  if (device < 0 || ioctl(device, TUNSETIFF, &request) < 0) fatal("TUNSETIFF");
  if (ioctl(device, TUNSETOFFLOAD, 0x67) < 0 && ioctl(device, TUNSETOFFLOAD, 0x07) < 0) fatal("TUNSETOFFLOAD");
  wire = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  int on = 1, room = 8 << 20;
  setsockopt(wire, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  setsockopt(wire, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  setsockopt(wire, SOL_UDP_LEVEL, GRO_OPTION, &on, sizeof on);
  if (bind(wire, (struct sockaddr *)&own, sizeof own) < 0) fatal("bind");
  uint8_t key[16] = {7}, nonce[12] = {0};
  sealing = EVP_CIPHER_CTX_new();
  opening = EVP_CIPHER_CTX_new();
  EVP_EncryptInit_ex(sealing, EVP_aes_128_gcm(), NULL, key, nonce);
  EVP_DecryptInit_ex(opening, EVP_aes_128_gcm(), NULL, key, nonce);
  struct pollfd waiting[2] = {{device, POLLIN, 0}, {wire, POLLIN, 0}};
  for (;;) {
    poll(waiting, 2, -1);
    for (int i = 0; waiting[0].revents && i < BURST; i++) {
      int octets = (int)read(device, from_host, sizeof from_host);
      if (octets <= VNET) break;
      handle_host(octets);
    }
    for (int i = 0; waiting[1].revents && i < BURST; i++) {
      int segment, octets = receive(&segment);
      if (octets <= 0) break;
      for (int at = 0; at < octets; at += segment) {
        int length = octets - at < segment ? octets - at : segment;
        int inner = open_esp(from_wire + at, length);
        if (inner > 0) to_host(from_wire + at + ESP_HEAD, inner);
      }
    }
    deliver();
  }
}
