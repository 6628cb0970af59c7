import { toHex } from '#bytes/hex'
import { type IpAddress, ipFamily } from '#bytes/ip'
import type { Secret } from '#bytes/secret'
import type { EncryptionName, IntegrityName } from '#crypto/registry'
import type { InboundSa, OutboundSa } from '#esp/sa'
import type { EspSuite } from '#policy/proposal'

/** The files of a Wireshark profile that hold keys, named as Wireshark looks for them. */
export const IKEV1_TABLE = 'ikev1_decryption_table'
export const ESP_TABLE = 'esp_sa'
export const PREFERENCES = 'preferences'

/** What a profile must turn on before `esp_sa` is looked at. */
export const PREFERENCES_TEXT = `# Written by Causeway, with keys.
esp.enable_encryption_decode: TRUE
esp.enable_authentication_check: TRUE
`

/** A row of `ikev1_decryption_table`: the initiator's cookie and the key of the cipher. */
export function ikev1Row(initiatorSpi: Uint8Array, cipherKey: Secret): string {
  const key = toHex(cipherKey.reveal())
  return `${toHex(initiatorSpi)},${key}\n`
}

/** A row of `esp_sa`, with the addresses between which the packets travel. */
export function espRow(sa: InboundSa | OutboundSa): string {
  const [from, to] = sa.direction === 'inbound' ? [sa.remote, sa.local] : [sa.local, sa.remote]
  const fields = [
    familyText(from.address),
    from.address,
    to.address,
    `0x${sa.spi.toString(16).padStart(8, '0')}`,
    cipherText(sa.suite.encryption),
    keyText(sa.encryptionKey),
    integrityText(sa.suite),
    keyText(sa.integrityKey),
    // The upper half of extended sequence numbers begins at zero (RFC 4304 §2). Old versions know neither field, new ones need neither.
    ...(sa.suite.esn ? ['64-bit', '0'] : []),
  ]
  return `${fields.map((field) => `"${field}"`).join(',')}\n`
}

function familyText(address: IpAddress): string {
  return ipFamily(address) === 6 ? 'IPv6' : 'IPv4'
}

function keyText(key: Secret): string {
  const digits = toHex(key.reveal())
  return digits === '' ? '' : `0x${digits}`
}

/** The salt of CTR and GCM is the end of the key there as here. */
function cipherText(name: EncryptionName): string {
  const gcm = /-gcm(\d+)$/.exec(name)
  if (gcm !== null) return `AES-GCM with ${gcm[1]} octet ICV [RFC4106]`
  if (name === '3des-cbc') return 'TripleDES-CBC [RFC2451]'
  if (name === 'chacha20poly1305') return 'ChaCha20 with Poly1305 [RFC7634]'
  return name.endsWith('-ctr') ? 'AES-CTR [RFC3686]' : 'AES-CBC [RFC3602]'
}

function integrityText({ integrity }: EspSuite): string {
  return integrity === 'none' ? 'NULL' : INTEGRITIES[integrity]
}

const INTEGRITIES: Readonly<Record<IntegrityName, string>> = {
  'hmac-md5-96': 'HMAC-MD5-96 [RFC2403]',
  'hmac-sha1-96': 'HMAC-SHA-1-96 [RFC2404]',
  'hmac-sha256-96': 'HMAC-SHA-256-96 [draft-ietf-ipsec-ciph-sha-256-00]',
  'hmac-sha256-128': 'HMAC-SHA-256-128 [RFC4868]',
  'hmac-sha384-192': 'HMAC-SHA-384-192 [RFC4868]',
  'hmac-sha512-256': 'HMAC-SHA-512-256 [RFC4868]',
}
