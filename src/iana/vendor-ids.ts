/** What a Vendor ID payload says: that a peer has a feature, or which product it is. */
export type VendorId = {
  /** As shown to operators. */
  readonly label: string
  readonly says: 'feature' | 'product'
  /** Lower-case hex. */
  readonly hex: string
  /** With `'prefix'` a version or capabilities may follow. */
  readonly match: 'whole' | 'prefix'
  /** What stands behind `hex` when we send it. */
  readonly suffix?: string
  readonly basis: VendorIdBasis
}

export type VendorIdBasis =
  /** Printed in a specification or in the product's own source code. */
  | { readonly kind: 'specified'; readonly source: string }
  /** The MD5 of this text (or as many octets of it as `hex` has), so the meaning is plain. */
  | { readonly kind: 'md5'; readonly text: string }
  /** Known only from observations others published; not verified on the device. */
  | { readonly kind: 'observed'; readonly source: string }

/** Vendor IDs a protocol decides by. */
export type FeatureName =
  | 'rfc3947'
  | 'nat-t-draft-00'
  | 'nat-t-draft-01'
  | 'nat-t-draft-02'
  | 'nat-t-draft-02n'
  | 'nat-t-draft-03'
  | 'nat-t-draft-04'
  | 'nat-t-draft-05'
  | 'nat-t-draft-06'
  | 'nat-t-draft-07'
  | 'nat-t-draft-08'
  | 'nat-t-draft'
  | 'nat-t-stenberg-01'
  | 'nat-t-stenberg-02'
  | 'nat-t-huttunen'
  | 'dpd'
  | 'xauth'
  | 'cisco-unity'
  | 'fragmentation'
  | 'heartbeat-notify'
  | 'ms-initial-contact'
  | 'ms-negotiation-discovery'
  | 'ms-cga'
  | 'ms-authip'
  | 'gssapi'

/*
 * There is no registry of vendor IDs. None is known to us for MikroTik RouterOS, which therefore shows by its features only.
 */

export const features: Readonly<Record<FeatureName, VendorId>> = {
  rfc3947: md5(
    'feature',
    'NAT traversal (RFC 3947)',
    '4a131c81070358455c5728f20e95452f',
    'RFC 3947',
  ),
  'nat-t-draft-00': natDraft('00', '4485152d18b6bbcd0be8a8469579ddcc'),
  'nat-t-draft-01': natDraft('01', '16f6ca16e4a4066d83821a0f0aeaa862'),
  'nat-t-draft-02': natDraft('02', 'cd60464335df21f87cfdb2fc68b6a448'),
  /** The draft's own hash was taken with a line feed at the end; most peers send this one. */
  'nat-t-draft-02n': md5(
    'feature',
    'NAT traversal (draft 02\\n)',
    '90cb80913ebb696e086381b5ec427b1f',
    'draft-ietf-ipsec-nat-t-ike-02\n',
  ),
  'nat-t-draft-03': natDraft('03', '7d9419a65310ca6f2c179d9215529d56'),
  'nat-t-draft-04': natDraft('04', '9909b64eed937c6573de52ace952fa6b'),
  'nat-t-draft-05': natDraft('05', '80d0bb3def54565ee84645d4c85ce3ee'),
  'nat-t-draft-06': natDraft('06', '4d1e0e136deafa34c4f3ea9f02ec7285'),
  'nat-t-draft-07': natDraft('07', '439b59f8ba676c4c7737ae22eab8f582'),
  'nat-t-draft-08': natDraft('08', '8f8d83826d246b6fc7a8a6a428c11de8'),
  'nat-t-draft': md5(
    'feature',
    'NAT traversal (draft without number)',
    '4df37928e9fc4fd1b3262170d515c662',
    'draft-ietf-ipsec-nat-t-ike',
  ),
  'nat-t-stenberg-01': md5(
    'feature',
    'NAT traversal (Stenberg draft 01)',
    '27bab5dc01ea0760ea4e3190ac27c0d0',
    'draft-stenberg-ipsec-nat-traversal-01',
  ),
  'nat-t-stenberg-02': md5(
    'feature',
    'NAT traversal (Stenberg draft 02)',
    '6105c422e76847e43f9684801292aecd',
    'draft-stenberg-ipsec-nat-traversal-02',
  ),
  'nat-t-huttunen': md5(
    'feature',
    'ESP in UDP (Huttunen draft)',
    '6a7434c19d7e36348090a02334c9c805',
    'draft-huttunen-ipsec-esp-in-udp-00.txt',
  ),
  /** Major and minor version of DPD follow: 1, 0. */
  dpd: {
    ...specified(
      'feature',
      'dead peer detection (RFC 3706)',
      'afcad71368a1f1c96b8696fc7757',
      'RFC 3706 §5.1',
    ),
    suffix: '0100',
  },
  xauth: md5('feature', 'XAUTH', '09002689dfd6b712', 'draft-ietf-ipsra-isakmp-xauth-06.txt'),
  /** Version 1.0 follows where the hash would go on. */
  'cisco-unity': {
    ...md5('feature', 'Cisco Unity', '12f5f28c457168a9702d9fe274cc', 'CISCO-UNITY', 'prefix'),
    suffix: '0100',
  },
  /** Capability bits may follow; the first one is all that peers look for. */
  fragmentation: {
    ...md5(
      'feature',
      'IKE fragmentation (Cisco, Microsoft)',
      '4048b7d56ebce88525e7de7f00d6c2d3',
      'FRAGMENTATION',
      'prefix',
    ),
    suffix: '80000000',
  },
  'heartbeat-notify': specified(
    'feature',
    'heartbeat notify',
    '4865617274426561745f4e6f74696679',
    'ASCII "HeartBeat_Notify"',
  ),
  'ms-initial-contact': md5(
    'feature',
    'initial contact (Microsoft)',
    '26244d38eddb61b3172a36e3d0cfb819',
    'Vid-Initial-Contact',
  ),
  'ms-negotiation-discovery': md5(
    'feature',
    'negotiation discovery (Microsoft)',
    'fb1de3cdf341b7ea16b7e5be0855f120',
    'MS-Negotiation Discovery Capable',
  ),
  'ms-cga': md5(
    'feature',
    'IKE CGA version 1 (Microsoft)',
    'e3a5966a76379fe707228231e5ce8652',
    'IKE CGA version 1',
  ),
  'ms-authip': md5(
    'feature',
    'AuthIP (Microsoft)',
    '214ca4faffa7f32d6748e5303395ae83',
    'MS-MamieExists',
  ),
  gssapi: md5('feature', 'GSSAPI (Microsoft)', '621b04bb09882ac1e15935fefa24aeee', 'GSSAPI'),
}

/** Where several match, the first is meant. */
export const products: readonly VendorId[] = [
  md5('product', 'strongSwan', '882fe56d6fd20dbc2251613b2ebe5beb', 'strongSwan'),
  /** The version follows in ASCII. */
  specified(
    'product',
    'Libreswan',
    '4f452d4c696272657377616e2d',
    'libreswan, "OE-Libreswan-" and a version',
  ),
  md5('product', 'racoon', '7003cbc1097dbe9c2600ba6983bc8b35', 'KAME/racoon'),
  /** The Windows version follows in four octets. */
  md5(
    'product',
    'Microsoft Windows',
    '1e2b516905991c7d7c96fcbfb587e461',
    'MS NT5 ISAKMPOAKLEY',
    'prefix',
  ),
  observed('product', 'Cisco VPN 3000', '1f07f70eaa6514d3b0fa96542a'),
  observed('product', 'Cisco IOS', '3e984048'),
  /** Product, version and features follow. */
  observed('product', 'Check Point', 'f4ed19e0c114eb516faaac0ee37daf2807b4381f'),
  /** FortiOS calls it FORTIGATE in its own debug output; a build number follows. */
  observed('product', 'FortiGate', '8299031757a36082c6a621de'),
  observed('product', 'FortiGate', '1d6e178f6c2c0be284985465450fe9d4'),
  observed('product', 'SonicWall', '404bf439522ca3f6'),
  /** A last octet 06, 07 … follows the generation. */
  observed('product', 'SonicWall', '5b362bc820f600'),
  observed('product', 'ZyXEL ZyWALL', 'b858d1addd08c1e8adafea150608aa4497aa6cc8'),
  observed('product', 'ZyXEL ZyWALL', '625027749d5ab97f5616c1602765cf480a3b7d0b'),
  observed('product', 'ZyXEL USG', 'f758f22668750f03b08df6ebe1d0'),
  observed('product', 'Shrew Soft', 'f14b94b7bff1fef02773b8c49feded26'),
  observed('product', 'Nortel Contivity', '424e455300'),
  /** Several, by model and release; more octets follow. */
  screenOs('299ee8289f40a8973bc78687e2e7226b532c3b76'),
  screenOs('3a15e1f3cf2a63582e3ac82d1c64cbe3b6d779e7'),
  screenOs('47d2b126bfcd83489760e2cf8c5d4d5a03497c15'),
  screenOs('4a4340b543e02b84c88a8b96a8af9ebe77d9accc'),
  screenOs('64405f46f03b7660a23be116a1975058e69e8387'),
  screenOs('699369228741c6d4ca094c93e242c9de19e7b7c6'),
  screenOs('8c0dc6cf62a0ef1b5c6eabd1b67ba69866adf16a'),
  screenOs('92d27a9ecb31d99246986d3453d0c3d57a222a61'),
  screenOs('9b096d9ac3275a7d6fe8b91c583111b09efed1a0'),
  screenOs('bf03746108d746c904f1f3547de24f78479fed12'),
  screenOs('c2e80500f4cc5fbf5daaeed3bb59abaeee56c652'),
  screenOs('c8660a62b03b1b6130bf781608d32a6a8d0fb89f'),
  screenOs('f885da40b1e7a9abd17655ec5bbec0f21f0ed52e'),
  screenOs('2a2bcac19b8e91b426107807e02e7249569d6fd3'),
  screenOs('166f932d55eb64d8e4df4fd37e2313f0d0fd8451'),
  screenOs('2c9d7e81995b9967d23f571ac641f9348122f1cc'),
  screenOs('9436e8d67174ef9aed068d5ad5213f187a3f8ba6'),
  screenOs('a35bfd05ca1ac0b3d2f24e9e82bfcbff9c9e52b5'),
  /** FreeS/WAN and Openswan: "OE" and ten letters made of a hash of name and version. Last: Libreswan begins the same. */
  specified('product', 'Openswan', '4f45', 'Openswan, "OE" and a hash'),
]

type Says = VendorId['says']

function md5(
  says: Says,
  label: string,
  hex: string,
  text: string,
  match: VendorId['match'] = 'whole',
): VendorId {
  return { label, says, hex, match, basis: { kind: 'md5', text } }
}

function natDraft(version: string, hex: string): VendorId {
  const text = `draft-ietf-ipsec-nat-t-ike-${version}`
  return md5('feature', `NAT traversal (draft ${version})`, hex, text)
}

function specified(says: Says, label: string, hex: string, source: string): VendorId {
  return { label, says, hex, match: 'prefix', basis: { kind: 'specified', source } }
}

function observed(says: Says, label: string, hex: string): VendorId {
  const basis = {
    kind: 'observed',
    source: 'public fingerprint collections and device logs',
  } as const
  return { label, says, hex, match: 'prefix', basis }
}

function screenOs(hex: string): VendorId {
  return observed('product', 'Juniper ScreenOS', hex)
}
