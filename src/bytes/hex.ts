const DIGITS = '0123456789abcdef'

/** Lower case, two digits an octet, no separators. */
export function toHex(octets: Uint8Array): string {
  let text = ''
  for (const octet of octets) text += DIGITS.charAt(octet >> 4) + DIGITS.charAt(octet & 15)
  return text
}

/** Accepts either case, and white space between octets. @throws TypeError when `text` is not whole octets of hex. */
export function fromHex(text: string): Uint8Array {
  const digits = text.replaceAll(/\s/g, '')
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) {
    throw new TypeError('expected an even number of hexadecimal digits')
  }
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) =>
    Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16),
  )
}
