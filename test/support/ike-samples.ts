import { fromHex } from '#bytes/hex'

/**
 * IKEv1 messages put together by hand from the figures of RFC 2408 §3, RFC 2407 §4.6, RFC 3947 §3.2 and RFC 3706 §5.3, one line a
 * field. Encrypted ones are shown as they are inside.
 */
export type IkeSample = { readonly name: string; readonly octets: Uint8Array }

const COOKIES = '0123456789abcdef fedcba9876543210'

export const mainMode1: IkeSample = sample(
  'Main mode 1: SA, VID',
  '0123456789abcdef 0000000000000000', // cookies
  '01 10 02 00 00000000 0000008c', // SA, version 1.0, Identity Protection, 140 octets
  '0d 00 005c 00000001 00000001', // SA: IPsec DOI, identity only
  '00 00 0050 01 01 00 02', // proposal 1, ISAKMP, no SPI, two transforms
  '03 00 0028 01 01 0000', // transform 1, KEY_IKE
  '80010007 800e0100 80020004 80030001 8004000e', // AES-CBC, 256 bits, SHA2-256, PSK, group 14
  '800b0001 000c0004 00007080', // seconds, 28,800 in the long form
  '00 00 0020 02 01 0000', // transform 2
  '80010005 80020002 80030001 80040002 800b0001 800c7080', // 3DES, SHA, PSK, group 2, 28,800 s in the short form
  '00 00 0014 4a131c81070358455c5728f20e95452f', // VID: RFC 3947
)

const mainMode3: IkeSample = sample(
  'Main mode 3: KE, NONCE, NAT-D, NAT-D',
  COOKIES,
  '04 10 02 00 00000000 000000e4', // 228 octets
  `0a 00 0084 ${'5a'.repeat(128)}`, // KE, MODP-1024
  `14 00 0014 ${'b1'.repeat(16)}`, // NONCE
  `14 00 0018 ${'c2'.repeat(20)}`, // NAT-D of the remote end
  `00 00 0018 ${'d3'.repeat(20)}`, // NAT-D of the local end
)

export const mainMode5: IkeSample = sample(
  'Main mode 5: ID, HASH, N',
  COOKIES,
  '05 10 02 01 00000000 0000005c', // encrypted, 92 octets
  '08 00 000c 01 11 01f4 c0000201', // ID_IPV4_ADDR, UDP 500, 192.0.2.1
  `0b 00 0018 ${'e4'.repeat(20)}`, // HASH
  `00 00 001c 00000001 01 10 6002 ${COOKIES}`, // INITIAL-CONTACT for both cookies
)

export const quickMode1: IkeSample = sample(
  'Quick mode 1: HASH, SA, NONCE, IDci, IDcr',
  COOKIES,
  '08 10 20 01 1a2b3c4d 000000a4', // 164 octets
  `01 00 0024 ${'f5'.repeat(32)}`, // HASH(1)
  '0a 00 0030 00000001 00000001', // SA
  '00 00 0024 01 03 04 01 c0ffee01', // proposal 1, ESP, SPI, one transform
  '00 00 0018 01 14 0000', // AES-GCM with 16 octets of ICV
  '80010001 80020e10 80040001 80060080', // 3,600 seconds, tunnel, 128 bits
  `05 00 0014 ${'a6'.repeat(16)}`, // NONCE
  '05 00 0010 04 00 0000 c0a80100 ffffff00', // IDci: 192.168.1.0/24
  '00 00 0010 04 00 0000 0a010000 ffff0000', // IDcr: 10.1.0.0/16
)

const informationalDelete: IkeSample = sample(
  'Informational: HASH, D, D',
  COOKIES,
  '08 10 05 01 0badcafe 00000064', // 100 octets
  `0c 00 0018 ${'97'.repeat(20)}`, // HASH
  '0c 00 0014 00000001 03 04 0002 c0ffee01 c0ffee02', // two ESP SAs
  `00 00 001c 00000001 01 10 0001 ${COOKIES}`, // the ISAKMP SA
)

const informationalDpd: IkeSample = sample(
  'Informational: HASH, N (R-U-THERE)',
  COOKIES,
  '08 10 05 01 5eed5eed 00000054', // 84 octets
  `0b 00 0018 ${'88'.repeat(20)}`, // HASH
  `00 00 0020 00000001 01 10 8d28 ${COOKIES} 00001234`, // sequence number 0x1234
)

export const refusal: IkeSample = sample(
  'Informational in clear: N (NO-PROPOSAL-CHOSEN)',
  COOKIES,
  '0b 10 05 00 00000000 00000028', // 40 octets
  '00 00 000c 00000001 01 00 000e',
)

export const natOriginalAddresses: IkeSample = sample(
  'Quick mode of a draft peer: HASH, NAT-OA (131), NAT-OA (21)',
  COOKIES,
  '08 10 20 01 00000007 00000050', // 80 octets
  `83 00 0018 ${'79'.repeat(20)}`, // HASH
  '15 00 000c 01 000000 0a000001', // 10.0.0.1, by the drafts' number
  '00 00 0010 01 000000 0a000002 00000000', // by the RFC's number, with octets nobody expects
)

export const xauthReply: IkeSample = sample(
  'Transaction: HASH, ATTR (REPLY: XAUTH type, user, password)',
  COOKIES,
  '08 10 06 01 77aa77aa 00000052', // 82 octets
  `0e 00 0018 ${'9a'.repeat(20)}`, // HASH
  '00 00 001e 02 00 0a0b', // REPLY, identifier 0x0a0b
  'c0880000 40890004 6875676f 408a0006 73657361 6d65', // generic, hugo, sesame
)

export const modeConfigPush: IkeSample = sample(
  'Transaction: HASH, ATTR (SET: address, netmask, split include)',
  COOKIES,
  '08 10 06 01 77bb77bb 0000005e', // 94 octets
  `0e 00 0018 ${'ab'.repeat(20)}`, // HASH
  '00 00 002a 03 00 0001', // SET
  '00010004 0a090005 00020004 ffffffff', // 10.9.0.5, 255.255.255.255
  '7004000e 0a010000 ffff0000 000000000000', // 10.1.0.0/16
)

export const ikeSamples: readonly IkeSample[] = [
  mainMode1,
  mainMode3,
  mainMode5,
  quickMode1,
  informationalDelete,
  informationalDpd,
  refusal,
  natOriginalAddresses,
  xauthReply,
  modeConfigPush,
]

function sample(name: string, ...lines: readonly string[]): IkeSample {
  return { name, octets: fromHex(lines.join('')) }
}
