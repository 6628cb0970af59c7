/** One block between BEGIN and END; `label` such as `CERTIFICATE`. */
export type PemBlock = {
  readonly label: string
  readonly octets: Uint8Array
  /** The block with its armour, for libraries that want the text. */
  readonly text: string
}

/** Every block, at most 100; text around them is skipped, blocks whose base64 is damaged are left out. */
export function pemBlocks(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = []
  for (const match of text.matchAll(BLOCK)) {
    if (blocks.length >= 100) break
    const [whole, label = '', body = ''] = match
    // RFC 1421 headers, as encrypted keys of old tools carry them, end with an empty line.
    const base64 = body.replace(/^(?:[\w-]+:[^\n]*\n|[ \t]+[^\n]*\n)+\s*\n/, '')
    const octets = fromBase64(base64)
    if (octets !== undefined) blocks.push({ label, octets, text: `${whole}\n` })
  }
  return blocks
}

export function toPem(label: string, octets: Uint8Array): string {
  const binary = Array.from(octets, (octet) => String.fromCharCode(octet)).join('')
  const lines = btoa(binary).match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----\r?\n([\s\S]*?)-----END \1-----/g

function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text.replace(/\s/g, '')), (char) => char.charCodeAt(0))
  } catch {
    return undefined
  }
}
