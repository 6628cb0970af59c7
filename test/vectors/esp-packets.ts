import type { EncryptionName, IntegrityName } from '#crypto/registry'

/**
 * ESP packets and keystreams from published documents, as data. `plain` is what is encrypted: payload, padding, pad length and next
 * header. The AEAD packets are complete; those of RFC 3602 and RFC 3686 carry no ICV.
 */
export type EspVector = {
  readonly source: string
  readonly encryption: EncryptionName
  /** Key and salt. */
  readonly key: string
  readonly spi: number
  readonly sequence: number
  /** Present with extended sequence numbers. */
  readonly sequenceHigh?: number
  readonly iv: string
  readonly plain: string
  readonly sealed: string
  /** Absent where the document has none. */
  readonly icv?: string
}

const pattern = (from: number, to: number): string =>
  Array.from({ length: to - from + 1 }, (_, i) => (from + i).toString(16).padStart(2, '0')).join('')

const RFC_3602: readonly EspVector[] = [
  {
    source: 'RFC 3602 §4 case 5 (transport mode)',
    encryption: 'aes128-cbc',
    key: '90d382b410eeba7ad938c46cec1a82bf',
    spi: 0x4321,
    sequence: 1,
    iv: 'e96e8c08ab465763fd098d45dd3ff893',
    plain: `08000ebda70a00008e9c083db95b0700${pattern(8, 0x37)}0102030405060708090a0b0c0d0e0e01`,
    sealed:
      'f663c25d325c18c6a9453e194e120849a4870b66cc6b9965330013b4898dc856a4699e523a55db080b59ec3a8e4b7e52775b07d1db34ed9c538ab50c551b874aa269add047ad2d5913ac19b7cfbad4a6',
  },
  {
    source: 'RFC 3602 §4 case 6 (transport mode)',
    encryption: 'aes128-cbc',
    key: '90d382b410eeba7ad938c46cec1a82bf',
    spi: 0x4321,
    sequence: 8,
    iv: '69d08df7d203329db093fc4924e5bd80',
    plain: '0800b5e8a80a0500a69c083d0b660e0077777777777777777777777701020201',
    sealed: 'f51995881ec4e0c4488987ce742e8109689bb379d2d750c0d915dca346a89f75',
  },
  {
    source: 'RFC 3602 §4 case 7 (tunnel mode)',
    encryption: 'aes128-cbc',
    key: '0123456789abcdef0123456789abcdef',
    spi: 0x8765,
    sequence: 2,
    iv: 'f4e765244f6407adf13dc1380f673f37',
    plain: `45000054090400004001f988c0a87b03c0a87bc808009f76a90a0100b49c083d02a20400${pattern(8, 0x37)}0102030405060708090a0a04`,
    sealed:
      '773b5241a4c449225e4f3ce5ed611b0c237ca96cf74a93013c1b0ea1a0cf70f8e4ecaec78ac53aad7a0f022b859243c647752e94a859352b8a4d4d2decd136e5c177f132ad3fbfb2201ac9904c74ee0a109e0ca1e4dfe9d5a100b842f1c22f0d',
  },
  {
    source: 'RFC 3602 §4 case 8 (tunnel mode)',
    encryption: 'aes128-cbc',
    key: '0123456789abcdef0123456789abcdef',
    spi: 0x8765,
    sequence: 5,
    iv: '85d47224b5f3dd5d2101d4ea8dffab22',
    plain: `45000044090c00004001f990c0a87b03c0a87bc80800d63caa0a0200c69c083da3de0300${'ff'.repeat(32)}0102030405060708090a0a04`,
    sealed:
      '15b92683819596a8047232cc00f7048fe45318e11f8a0f62ede3c3fc61203bb50f980a08c9843fd3a1b06d5c07ff9639b7eb7dfb3512e5de435e7207ed971ef3d2726d9b5ef6affc6d17a0decbb13892',
  },
]

const RFC_3686: readonly EspVector[] = [
  {
    source: 'RFC 3686 §6 vector 1',
    encryption: 'aes128-ctr',
    key: 'ae6852f8121067cc4bf7a5765577f39e00000030',
    spi: 256,
    sequence: 1,
    iv: '0000000000000000',
    plain: '53696e676c6520626c6f636b206d7367',
    sealed: 'e4095d4fb7a7b3792d6175a3261311b8',
  },
  {
    source: 'RFC 3686 §6 vector 3',
    encryption: 'aes128-ctr',
    key: '7691be035e5020a8ac6e618529f9a0dc00e0017b',
    spi: 256,
    sequence: 1,
    iv: '27777f3f4a1786f0',
    plain: pattern(0, 0x23),
    sealed: 'c1cf48a89f2ffdd9cf4652e9efdb72d74540a42bde6d7836d59a5ceaaef3105325b2072f',
  },
  {
    source: 'RFC 3686 §6 vector 6',
    encryption: 'aes192-ctr',
    key: '02bf391ee8ecb159b959617b0965279bf59b60a786d3e0fe0007bdfd',
    spi: 256,
    sequence: 1,
    iv: '5cbd60278dcc0912',
    plain: pattern(0, 0x23),
    sealed: '96893fc55e5c722f540b7dd1ddf7e758d288bc95c69165884536c811662f2188abee0935',
  },
  {
    source: 'RFC 3686 §6 vector 9',
    encryption: 'aes256-ctr',
    key: 'ff7a617ce69148e4f1726e2f43581de2aa62d9f805532edff1eed687fb54153d001cc5b7',
    spi: 256,
    sequence: 1,
    iv: '51a51d70a1c11148',
    plain: pattern(0, 0x23),
    sealed: 'eb6c52821d0bbbf7ce7594462aca4faab407df866569fd07f48cc0b583d6071f1ec0e6b8',
  },
]

const GCM: readonly EspVector[] = [
  {
    source: 'draft-mcgrew-gcm-test-01 §4, 128-bit key, ESN, UDP',
    encryption: 'aes128-gcm16',
    key: '4c80cdefbb5d10da906ac73c3613a6342e443b68',
    spi: 0x4321,
    sequenceHigh: 0x8765_4321,
    sequence: 0,
    iv: '4956ed7e3b244cfe',
    plain:
      '45000048699a000080114db7c0a80102c0a801010a9bf15638d301000001000000000000045f736970045f756470037369700963796265726369747902646b000021000101020201',
    sealed:
      'fecf537e729d5b07dc30df528dd22b768d1b98736696a6fd348509fa13ceac34cfa2436f14a3f3cf65925bf1f4a13c5d15b21e1884f5ff6247aeabb786b93bce61bc17d768fd9732',
    icv: '459018148f6cbe722fd04796562dfdb4',
  },
  {
    source: 'draft-mcgrew-gcm-test-01 §4, 128-bit key, DNS query',
    encryption: 'aes128-gcm16',
    key: 'feffe9928665731c6d6a8f9467308308cafebabe',
    spi: 0xa5f8,
    sequence: 10,
    iv: 'facedbaddecaf888',
    plain:
      '4500003e698f000080114dccc0a80102c0a801010a980035002a2343b2d001000001000000000000037369700963796265726369747902646b00000100010001',
    sealed:
      'deb22cd9b07c72c16e3a65beeb8df304a5a5897d33ae530f1ba76d5d114d2a5c3de81827c10e9a4f51330d0eec416642cfbb85a5b47e48a4ec3b9ba95d918bd1',
    icv: '83b70d3aa8bc6ee4c309e9d85a41ad4a',
  },
  {
    source: 'draft-mcgrew-gcm-test-01 §4, 256-bit key, TCP SYN',
    encryption: 'aes256-gcm16',
    key: 'abbccddef00112233445566778899aababbccddef00112233445566778899aab11223344',
    spi: 0x4a2c_bfe3,
    sequence: 2,
    iv: '0102030405060708',
    plain:
      '4500003069a6400080062690c0a801029389155e0a9e008b2dc57ee0000000007002400020bf0000020405b40101040201020201',
    sealed:
      'ff425c9b724599df7a3bcd510194e00d6a78107f1b0b1cbf06efae9d65a5d763748a637985771d347f0545659f14e99def842d8e',
    icv: 'b335f4eecfdbf831824b4c4915956c96',
  },
  {
    source: 'draft-mcgrew-gcm-test-01 §4, 192-bit key, TCP ACK without padding',
    encryption: 'aes192-gcm16',
    key: 'feffe9928665731c6d6a8f9467308308feffe9928665731ccafebabe',
    spi: 0xa5f8,
    sequence: 10,
    iv: 'facedbaddecaf888',
    plain: '45000028a4ad4000400678800a01038f0a010612802306b8cb712602dd6bb03e501016d075680001',
    sealed: 'a5b1f8066029aea40e598b8122de02420938b3ab33f828e687b8858b5bfbdbd0315b27452144cc77',
    icv: '95457b9652037f5318027b5b4cd7a636',
  },
  {
    source: 'draft-mcgrew-gcm-test-01 §4, 128-bit key, dummy packet, last sequence number',
    encryption: 'aes128-gcm16',
    key: '7d773d00c144c525ac619d18c84a3f47d9664267',
    spi: 0x3354_67ae,
    sequence: 0xffff_ffff,
    iv: '43457e9182443bc6',
    plain: '01020201',
    sealed: '437f866b',
    icv: 'cb3f699fe9b0822bac961c4504bef270',
  },
]

const RFC_7634: readonly EspVector[] = [
  {
    source: 'RFC 7634 appendix A',
    encryption: 'chacha20poly1305',
    key: `${pattern(0x80, 0x9f)}a0a1a2a3`,
    spi: 0x0102_0304,
    sequence: 5,
    iv: '1011121314151617',
    plain: `45000054a6f200004001e778c6336405c000020508005b7a3a080000553bec1000073627${pattern(8, 0x37)}01020204`,
    sealed:
      '24039428b97f417e3c13753a4f05087b67c352e6a7fab1b982d466ef407ae5c614ee8099d52844eb61aa95dfab4c02f72aa71e7c4c4f64c9befe2facc638e8f3cbec163fac469b502773f6fb94e664da9165b82829f641e0',
    icv: '76aaa8266b7fb0f7b11b369907e1ad43',
  },
]

export const ESP_VECTORS: readonly EspVector[] = [...RFC_3602, ...RFC_3686, ...GCM, ...RFC_7634]

const ones50 = (octet: string): string => octet.repeat(50)

/** RFC 4868 §2.7.2: authenticators as ESP carries them, cut to half. The data are 50 octets, enough for an ESP packet. */
export const INTEGRITY_VECTORS: readonly {
  readonly source: string
  readonly integrity: IntegrityName
  readonly key: string
  readonly data: string
  readonly icv: string
}[] = [
  {
    source: 'RFC 4868 AUTH256-3',
    integrity: 'hmac-sha256-128',
    key: 'aa'.repeat(32),
    data: ones50('dd'),
    icv: 'cdcb1220d1ecccea91e53aba3092f962',
  },
  {
    source: 'RFC 4868 AUTH256-4',
    integrity: 'hmac-sha256-128',
    key: pattern(1, 0x20),
    data: ones50('cd'),
    icv: '372efcf9b40b35c2115b1346903d2ef4',
  },
  {
    source: 'RFC 4868 AUTH384-3',
    integrity: 'hmac-sha384-192',
    key: 'aa'.repeat(48),
    data: ones50('dd'),
    icv: '809f439be00274321d4a538652164b53554a508184a0c316',
  },
  {
    source: 'RFC 4868 AUTH384-4',
    integrity: 'hmac-sha384-192',
    key: `${pattern(1, 0x20)}${pattern(0x0a, 0x19)}`,
    data: ones50('cd'),
    icv: '5b540085c6e6358096532b2493609ed1cb298f774f87bb5c',
  },
  {
    source: 'RFC 4868 AUTH512-3',
    integrity: 'hmac-sha512-256',
    key: 'aa'.repeat(64),
    data: ones50('dd'),
    icv: '2ee7acd783624ca9398710f3ee05ae41b9f9b0510c87e49e586cc9bf961733d8',
  },
  {
    source: 'RFC 4868 AUTH512-4',
    integrity: 'hmac-sha512-256',
    // The RFC prints the key with its first line moved; this order gives the authenticator it prints.
    key: pattern(1, 0x40),
    data: ones50('cd'),
    icv: '5e6688e5a3daec826ca32eaea224eff5e700628947470e13ad01302561bab108',
  },
]
