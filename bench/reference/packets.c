/*
 * A yardstick, never a product: what the system's OpenSSL takes in C to seal and to open ESP packets, each with a nonce, associated
 * data and an ICV of its own. `openssl speed` sets key and nonce once, and never asks for an ICV.
 *
 *     packets CIPHER OCTETS TURNS     writes the nanoseconds of CPU time to seal one, and to open one
 *     packets aes-128-cbc ...         with HMAC-SHA2-256-128 beside it
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEAD 8 /* SPI and sequence number */
#define ICV 16

static EVP_CIPHER_CTX *sealing, *opening;
static HMAC_CTX *mac;
static uint8_t packet[1 << 17], kept[1 << 17];

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

static void require(int done) {
  if (done <= 0) { fprintf(stderr, "OpenSSL refused\n"); exit(1); }
}

/* Salt and IV; the IV is the number of the packet. */
static void nonce_of(uint32_t number, uint8_t nonce[16]) {
  memset(nonce, 1, 16);
  memcpy(nonce + 8, &number, 4);
  memcpy(packet + 4, &number, 4);
}

static void seal_aead(uint8_t *payload, int octets, const uint8_t *nonce) {
  int written;
  require(EVP_EncryptInit_ex(sealing, NULL, NULL, NULL, nonce));
  require(EVP_EncryptUpdate(sealing, NULL, &written, packet, HEAD));
  require(EVP_EncryptUpdate(sealing, payload, &written, payload, octets));
  require(EVP_EncryptFinal_ex(sealing, payload, &written));
  require(EVP_CIPHER_CTX_ctrl(sealing, EVP_CTRL_AEAD_GET_TAG, ICV, payload + octets));
}

static void open_aead(uint8_t *payload, int octets, const uint8_t *nonce) {
  int written;
  require(EVP_DecryptInit_ex(opening, NULL, NULL, NULL, nonce));
  require(EVP_CIPHER_CTX_ctrl(opening, EVP_CTRL_AEAD_SET_TAG, ICV, payload + octets));
  require(EVP_DecryptUpdate(opening, NULL, &written, packet, HEAD));
  require(EVP_DecryptUpdate(opening, payload, &written, payload, octets));
  require(EVP_DecryptFinal_ex(opening, payload, &written));
}

static void authenticate(int octets, uint8_t *digest) {
  require(HMAC_Init_ex(mac, NULL, 0, NULL, NULL));
  require(HMAC_Update(mac, packet, (size_t)octets));
  require(HMAC_Final(mac, digest, NULL));
}

static void seal_cbc(uint8_t *payload, int octets, const uint8_t *iv) {
  int written;
  uint8_t digest[EVP_MAX_MD_SIZE];
  memcpy(payload - 16, iv, 16);
  require(EVP_EncryptInit_ex(sealing, NULL, NULL, NULL, iv));
  require(EVP_EncryptUpdate(sealing, payload, &written, payload, octets));
  authenticate(HEAD + 16 + octets, digest);
  memcpy(payload + octets, digest, ICV);
}

static void open_cbc(uint8_t *payload, int octets, const uint8_t *iv) {
  int written;
  uint8_t digest[EVP_MAX_MD_SIZE];
  authenticate(HEAD + 16 + octets, digest);
  require(CRYPTO_memcmp(digest, payload + octets, ICV) == 0);
  require(EVP_DecryptInit_ex(opening, NULL, NULL, NULL, iv));
  require(EVP_DecryptUpdate(opening, payload, &written, payload, octets));
}

int main(int count, char **arguments) {
  const EVP_CIPHER *cipher = count == 4 ? EVP_get_cipherbyname(arguments[1]) : NULL;
  if (!cipher) { fprintf(stderr, "packets CIPHER OCTETS TURNS\n"); return 2; }
  int octets = atoi(arguments[2]), turns = atoi(arguments[3]);
  int aead = (EVP_CIPHER_get_flags(cipher) & EVP_CIPH_FLAG_AEAD_CIPHER) != 0;
  int head = HEAD + (aead ? 8 : 16);
  if (!aead) octets = (octets + 15) / 16 * 16;
  if (octets < 1 || octets > 65536 || turns < 1) return 2;
  uint8_t key[64] = {7}, nonce[16] = {0}, *payload = packet + head;
  sealing = EVP_CIPHER_CTX_new();
  opening = EVP_CIPHER_CTX_new();
  mac = HMAC_CTX_new();
  require(EVP_EncryptInit_ex(sealing, cipher, NULL, key, nonce));
  require(EVP_DecryptInit_ex(opening, cipher, NULL, key, nonce));
  EVP_CIPHER_CTX_set_padding(sealing, 0);
  EVP_CIPHER_CTX_set_padding(opening, 0);
  require(HMAC_Init_ex(mac, key, 32, EVP_sha256(), NULL));

  uint32_t number = 0;
  double start = now();
  for (int i = 0; i < turns; i++) {
    nonce_of(++number, nonce);
    if (aead) seal_aead(payload, octets, nonce);
    else seal_cbc(payload, octets, nonce);
  }
  double sealed = now() - start;

  /* Opening works in place, so the packet is put back each time; what that costs is taken off. */
  size_t all = (size_t)(head + octets + ICV);
  memcpy(kept, packet, all);
  start = now();
  for (int i = 0; i < turns; i++) {
    memcpy(packet, kept, all);
    __asm__ volatile("" ::: "memory");
  }
  double copied = now() - start;
  start = now();
  for (int i = 0; i < turns; i++) {
    memcpy(packet, kept, all);
    nonce_of(number, nonce);
    if (aead) open_aead(payload, octets, nonce);
    else open_cbc(payload, octets, nonce);
  }
  printf("%.1f %.1f\n", sealed / turns, (now() - start - copied) / turns);
  return 0;
}
