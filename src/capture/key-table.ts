import { fromHex } from '#bytes/hex'
import { Secret } from '#bytes/secret'

/** Rows of Wireshark's `ikev1_decryption_table`: the initiator's cookie and the key of the cipher, both in hex. */
export function readKeyTable(text: string): ReadonlyMap<string, Secret> {
  const keys = new Map<string, Secret>()
  for (const line of text.split('\n', MOST_ROWS)) {
    const match = ROW.exec(line.trim())
    const [, cookie = '', key = ''] = match ?? []
    if (match !== null && key.length % 2 === 0)
      keys.set(cookie.toLowerCase(), new Secret(fromHex(key.toLowerCase())))
  }
  return keys
}

const MOST_ROWS = 100_000
const ROW = /^"?([0-9a-f]{16})"?,"?([0-9a-f]{16,128})"?$/i
