import { toHex } from '#bytes/hex'
import type { Lifetime } from '#policy/proposal'
import type { Transform, TransformAttribute } from '#wire/v1/payloads'

/** A value that fits two octets goes in the short form, others as four octets (RFC 2408 §3.3). */
export function attribute(type: number, value: number): TransformAttribute {
  if (value <= 0xffff) return { form: 'short', type, value }
  const octets = new Uint8Array(4)
  new DataView(octets.buffer).setUint32(0, value)
  return { form: 'long', type, value: octets }
}

/** @returns the number an attribute holds in either form; undefined when it has more octets than a number can (8 and up). */
function attributeNumber(attribute: TransformAttribute): number | undefined {
  if (attribute.form === 'short') return attribute.value
  if (attribute.value.length > 6) return undefined
  return attribute.value.reduce((sum, octet) => sum * 256 + octet, 0)
}

/** @returns undefined when the attribute is absent, unreadable, or there twice with different values. */
export function findNumber(
  attributes: readonly TransformAttribute[],
  type: number,
): number | undefined {
  const values = new Set(attributes.filter((one) => one.type === type).map(attributeNumber))
  const [value] = values
  return values.size === 1 ? value : undefined
}

/** Life type and life duration come in pairs, in order (RFC 2409 appendix A, RFC 2407 §4.5). */
export function findLifetime(
  attributes: readonly TransformAttribute[],
  typeClass: number,
  durationClass: number,
): { readonly seconds?: number; readonly kilobytes?: number } {
  const found: { seconds?: number; kilobytes?: number } = {}
  let unit: number | undefined
  for (const one of attributes) {
    const value = attributeNumber(one)
    if (one.type === typeClass) unit = value
    if (one.type !== durationClass || value === undefined || value === 0) continue
    if (unit === LIFE_SECONDS) found.seconds ??= value
    if (unit === LIFE_KILOBYTES) found.kilobytes ??= value
  }
  return found
}

/** `shortened`: one of the limits is ours and below what the peer offered. */
export type AgreedLifetime = Lifetime & { readonly shortened?: true }

/** The shorter of what both sides want. `peer.seconds` must stand in for what the peer left out. */
export function shorterLifetime(
  peer: { readonly seconds: number; readonly kilobytes?: number },
  own: Lifetime,
): AgreedLifetime {
  const unlimited = Number.POSITIVE_INFINITY
  const offered = peer.kilobytes ?? unlimited
  const kilobytes = Math.min(own.kilobytes ?? unlimited, offered)
  const shortened = own.seconds < peer.seconds || kilobytes < offered
  return {
    seconds: Math.min(own.seconds, peer.seconds),
    ...(Number.isFinite(kilobytes) ? { kilobytes } : {}),
    ...(shortened ? { shortened } : {}),
  }
}

/** The shorter of each limit; what `b` leaves out limits nothing. */
export function shorter(a: Lifetime, b: Partial<Lifetime>): Lifetime {
  const kilobytes = Math.min(
    a.kilobytes ?? Number.POSITIVE_INFINITY,
    b.kilobytes ?? Number.POSITIVE_INFINITY,
  )
  return {
    seconds: Math.min(a.seconds, b.seconds ?? Number.POSITIVE_INFINITY),
    ...(Number.isFinite(kilobytes) ? { kilobytes } : {}),
  }
}

export function lifetimeAttributes(
  typeClass: number,
  durationClass: number,
  lifetime: { readonly seconds: number; readonly kilobytes?: number },
): readonly TransformAttribute[] {
  const seconds = [attribute(typeClass, LIFE_SECONDS), attribute(durationClass, lifetime.seconds)]
  if (lifetime.kilobytes === undefined) return seconds
  return [
    ...seconds,
    attribute(typeClass, LIFE_KILOBYTES),
    attribute(durationClass, lifetime.kilobytes),
  ]
}

/**
 * Whether a transform came back as it was offered (RFC 2409 §5), in any order. The lifetime classes given in `except` may differ: a
 * responder may not shorten them, but some do, and it does no harm.
 */
export function sameTransform(a: Transform, b: Transform, except: readonly number[]): boolean {
  const spelled = ({ id, attributes }: Transform) =>
    [
      id,
      ...attributes
        .filter((one) => !except.includes(one.type))
        .map(spell)
        .sort(),
    ].join()
  return spelled(a) === spelled(b)
}

function spell(one: TransformAttribute): string {
  return `${one.type}=${attributeNumber(one) ?? toHex(one.form === 'long' ? one.value : new Uint8Array(0))}`
}

const LIFE_SECONDS = 1
const LIFE_KILOBYTES = 2
