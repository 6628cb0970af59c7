/** Octets that are not DER as X.690 has it, or more of them than we take. */
export class DerError extends Error {
  override readonly name = 'DerError'
  readonly code = 'malformed-der'
}

/** One element. `tag` is its identifier octet; tag numbers above 30 are not read. */
export type DerElement = {
  readonly tag: number
  readonly content: Uint8Array
  /** Identifier, length and content. */
  readonly octets: Uint8Array
}

export const DER = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  t61String: 0x14,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  universalString: 0x1c,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const

/** The one element that fills `octets`. @throws DerError */
export function readDer(octets: Uint8Array): DerElement {
  const element = elementAt(octets, 0)
  if (element.octets.length !== octets.length) throw new DerError('octets after the end')
  return element
}

/** What a constructed element holds, at most `most` of them. @throws DerError */
export function derChildren(
  { content }: Pick<DerElement, 'content'>,
  most = 10_000,
): readonly DerElement[] {
  const children: DerElement[] = []
  for (let at = 0; at < content.length; ) {
    if (children.length >= most) throw new DerError(`more than ${most} elements`)
    const child = elementAt(content, at)
    children.push(child)
    at += child.octets.length
  }
  return children
}

/** The same, one at a time, for lists too long to hold. @throws DerError */
export function* derElements({ content }: Pick<DerElement, 'content'>): Generator<DerElement> {
  for (let at = 0; at < content.length; ) {
    const element = elementAt(content, at)
    yield element
    at += element.octets.length
  }
}

/** The element itself when it has this tag. @throws DerError naming `what` */
export function derExpect(element: DerElement | undefined, tag: number, what: string): DerElement {
  if (element?.tag !== tag) throw new DerError(`${what} is missing or of another type`)
  return element
}

/**
 * Walks the whole before a library sees it: definite and shortest lengths, nothing behind the end, at most `depth` levels and
 * `elements` in all. @throws DerError
 */
export function checkDer(
  octets: Uint8Array,
  { depth, elements }: { readonly depth: number; readonly elements: number },
): void {
  let count = 0
  const walk = (element: DerElement, level: number): void => {
    count++
    if (count > elements) throw new DerError(`more than ${elements} elements`)
    if ((element.tag & 0x20) === 0) return
    if (level >= depth) throw new DerError(`more than ${depth} levels`)
    for (let at = 0; at < element.content.length; ) {
      const child = elementAt(element.content, at)
      walk(child, level + 1)
      at += child.octets.length
    }
  }
  walk(readDer(octets), 1)
}

export function der(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  const header = [tag, ...lengthOctets(length)]
  const octets = new Uint8Array(header.length + length)
  octets.set(header)
  let at = header.length
  for (const part of parts) {
    octets.set(part, at)
    at += part.length
  }
  return octets
}

/** An unsigned number from its big-endian octets, shortest form. */
export function derUnsigned(octets: Uint8Array): Uint8Array {
  let start = 0
  while (start < octets.length - 1 && octets[start] === 0) start++
  const short = octets.length === 0 ? Uint8Array.of(0) : octets.subarray(start)
  const isNegative = ((short[0] ?? 0) & 0x80) !== 0
  return isNegative ? der(DER.integer, Uint8Array.of(0), short) : der(DER.integer, short)
}

/** @param text dotted decimal. */
export function derOid(text: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number)
  const octets = [first * 40 + second, ...rest].flatMap((arc) => {
    const base128 = [arc % 128]
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
      base128.unshift((left % 128) | 0x80)
    }
    return base128
  })
  return der(DER.oid, Uint8Array.from(octets))
}

/** Dotted decimal. @throws DerError */
export function readOid({ content }: Pick<DerElement, 'content'>): string {
  if (content.length === 0 || content.length > 64) throw new DerError('an OID of odd length')
  const arcs: number[] = []
  let arc = 0
  for (const [i, octet] of content.entries()) {
    if (arc > 0xff_ffff_ffff) throw new DerError('an OID with a huge number')
    arc = arc * 128 + (octet & 0x7f)
    if ((octet & 0x80) !== 0) {
      if (i === content.length - 1) throw new DerError('an OID that does not end')
      continue
    }
    arcs.push(arc)
    arc = 0
  }
  const [root = 0, ...rest] = arcs
  const top = Math.min(2, Math.floor(root / 40))
  return [top, root - top * 40, ...rest].join('.')
}

function elementAt(octets: Uint8Array, start: number): DerElement {
  const tag = octets[start]
  const first = octets[start + 1]
  if (tag === undefined || first === undefined) throw new DerError('cut short')
  if ((tag & 0x1f) === 0x1f) throw new DerError('a tag number above 30')
  let length = first
  let at = start + 2
  if (first >= 0x80) {
    const count = first & 0x7f
    if (count === 0 || count > 4) throw new DerError('a length of no or too many octets')
    length = 0
    for (let i = 0; i < count; i++) {
      const octet = octets[at + i]
      if (octet === undefined) throw new DerError('cut short')
      length = length * 256 + octet
    }
    at += count
    if (length < 0x80 || lengthOctets(length).length !== count + 1)
      throw new DerError('a length in more octets than needed')
  }
  const end = at + length
  if (end > octets.length) throw new DerError('cut short')
  return { tag, content: octets.subarray(at, end), octets: octets.subarray(start, end) }
}

function lengthOctets(length: number): readonly number[] {
  if (length < 0x80) return [length]
  const octets: number[] = []
  for (let left = length; left > 0; left = Math.floor(left / 256)) octets.unshift(left % 256)
  return [0x80 | octets.length, ...octets]
}
