/** Names as the registry spells them; `policy/algorithm-names.ts` reads every dialect an operator may write. */
export type EncryptionName =
  | 'aes128-cbc'
  | 'aes192-cbc'
  | 'aes256-cbc'
  | 'aes128-ctr'
  | 'aes192-ctr'
  | 'aes256-ctr'
  | 'aes128-gcm8'
  | 'aes192-gcm8'
  | 'aes256-gcm8'
  | 'aes128-gcm12'
  | 'aes192-gcm12'
  | 'aes256-gcm12'
  | 'aes128-gcm16'
  | 'aes192-gcm16'
  | 'aes256-gcm16'
  | 'chacha20poly1305'
  | '3des-cbc'

export type HashName = 'md5' | 'sha1' | 'sha256' | 'sha384' | 'sha512'

export type IntegrityName =
  | 'hmac-md5-96'
  | 'hmac-sha1-96'
  | 'hmac-sha256-128'
  | 'hmac-sha384-192'
  | 'hmac-sha512-256'

export type KeyExchangeName =
  | 'modp1024'
  | 'modp1536'
  | 'modp2048'
  | 'modp3072'
  | 'modp4096'
  | 'modp6144'
  | 'modp8192'
  | 'modp1024s160'
  | 'modp2048s224'
  | 'modp2048s256'
  | 'ecp256'
  | 'ecp384'
  | 'ecp521'
  | 'curve25519'
  | 'curve448'

/** The requirement word of RFC 8221 (ESP) or RFC 8247 (IKE), as those tables spell it. */
export type Requirement =
  | 'MUST'
  | 'MUST-'
  | 'SHOULD+'
  | 'SHOULD'
  | 'MAY'
  | 'SHOULD NOT'
  | 'MUST NOT'

/** An algorithm number and, where the cipher has several key sizes, the Key Length attribute in bits. */
export type TransformNumber = { readonly id: number; readonly keyBits?: number }

export type Encryption = {
  readonly name: EncryptionName
  readonly aead: boolean
  /** Octets of key, without the salt. */
  readonly keyOctets: number
  /** Octets taken from KEYMAT after the key and never sent (RFC 4106 §4, RFC 3686 §4, RFC 7634 §2); 0 where there are none. */
  readonly saltOctets: number
  /** Octets of IV in each ESP packet. */
  readonly ivOctets: number
  /** Plaintext is padded to a multiple of it; 1 for stream and AEAD modes (ESP still aligns to 4, RFC 4303 §2.4). */
  readonly blockOctets: number
  /** ICV octets of an AEAD; 0 otherwise. */
  readonly icvOctets: number
  /** Number in IKEv1 phase 1 (RFC 2409 appendix A); absent where IKEv1 never uses it for its own messages. */
  readonly ikev1?: TransformNumber
  /** Number in ESP proposals of IKEv1 (RFC 2407 §4.4.4, IANA "IPSEC ESP Transform Identifiers"). */
  readonly ikev1Esp?: TransformNumber
  /** Number as IKEv2 Transform Type 1. */
  readonly ikev2?: TransformNumber
  readonly ikeRequirement: Requirement
  readonly espRequirement: Requirement
}

export type Hash = {
  readonly name: HashName
  readonly octets: number
  /** Block length of HMAC in octets. */
  readonly blockOctets: number
  /** IKEv1 "Hash Algorithm" attribute value. */
  readonly ikev1: number
  /** IKEv2 PRF number (Transform Type 2). */
  readonly ikev2Prf: number
  readonly requirement: Requirement
}

export type Integrity = {
  readonly name: IntegrityName
  readonly hash: HashName
  readonly keyOctets: number
  readonly icvOctets: number
  /** IKEv1 "Authentication Algorithm" attribute of an ESP transform (RFC 2407 §4.5). */
  readonly ikev1: number
  /** IKEv2 Transform Type 3. */
  readonly ikev2: number
  readonly requirement: Requirement
}

export type KeyExchange = {
  readonly name: KeyExchangeName
  /** The same number in IKEv1 (Group Description) and IKEv2 (Transform Type 4). */
  readonly id: number
  readonly kind: 'modp' | 'ecp' | 'montgomery'
  /** Octets of the public value in a KE payload. */
  readonly publicOctets: number
  /** Octets of the shared secret. */
  readonly sharedOctets: number
  readonly requirement: Requirement
  /** False for RFC 5114 groups: used only where an operator writes the name. */
  readonly onByDefault: boolean
}
