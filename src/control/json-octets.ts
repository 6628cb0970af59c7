/** JSON in which octet strings are `{"hex": "0a0b"}`, so that events with payloads cross the control socket unharmed. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    item instanceof Uint8Array ? { hex: Buffer.from(item).toString('hex') } : item,
  )
}

/** @throws SyntaxError when `text` is not JSON. */
export function fromJson(text: string): unknown {
  return JSON.parse(text, (_key, item: unknown) => octetsOf(item) ?? item)
}

function octetsOf(item: unknown): Uint8Array | undefined {
  if (typeof item !== 'object' || item === null || !('hex' in item)) return undefined
  const { hex } = item
  if (typeof hex !== 'string' || Object.keys(item).length !== 1) return undefined
  return /^([0-9a-f]{2})*$/.test(hex) ? Uint8Array.from(Buffer.from(hex, 'hex')) : undefined
}
