/** A line as it may be repeated: no control characters, no secret, not without end. */
export function shownText(line: string): string {
  const plain = line.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ').trim()
  const blanked = SECRETS.reduce((text, pattern) => text.replace(pattern, `$1${LABEL}`), plain)
  return blanked.length > LONGEST ? `${blanked.slice(0, LONGEST - 1)}…` : blanked
}

const LABEL = '[secret]'
const LONGEST = 200

/** What stands before a secret, in all the formats. */
const SECRETS: readonly RegExp[] = [
  // ipsec.secrets: `… : PSK "key"`, `: RSA file "passphrase"`.
  /(:\s*(?:PSK|XAUTH|EAP|NTLM|PIN|RSA|ECDSA|P12|PKCS8)\s+).*/i,
  // swanctl.conf and YAML: `secret = key`, `secret-1 = key`.
  /(^\s*(?:[\w-]*secret[\w-]*|psk[\w-]*|pass\w*|pin)\s*[=:]\s*)\S.*/i,
  // Cisco: `crypto isakmp key [6] KEY address …`, `pre-shared-key [address A] key KEY`.
  /(\bisakmp\s+key\s+(?:[06]\s+)?)\S+/i,
  /(\b(?:ikev\d\s+)?pre-shared-key\s+(?:local\s+|remote\s+)?(?:(?:address|hostname)\s+.*?\bkey\s+)?(?:(?:ascii-text|hexadecimal|hex)\s+)?(?:[06]\s+)?)(?!local\b|remote\b|address\b|hostname\b|\[)\S.*/i,
  // AWS: `Pre-Shared Key : KEY`; FortiGate: `set psksecret ENC …`.
  /(pre-?shared[ -]key\s*[:=]\s*)\S.*/i,
  // Junos: `pre-shared-key ascii-text "key";`, with braces or in one line.
  /(\bpre-shared-key\s+(?:ascii-text|hexadecimal)\s+)\S.*/i,
  /(\b(?:ascii-text|hexadecimal)\s+)\S.*/i,
  /(\b(?:psksecret|passwd|password|passphrase|secret|community|key-string)\s+)(?!=)\S.*/i,
]
