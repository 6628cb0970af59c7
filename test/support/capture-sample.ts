import { concat } from '#bytes/concat'
import { toHex } from '#bytes/hex'
import type { Endpoint } from '#bytes/ip'
import type { Secret } from '#bytes/secret'
import { ikeFrame } from '#capture/ike-frame'
import type { Effect } from '#ike/effects'
import { Engine } from '#ike/engine'
import type { IkeVersion } from '#ike/version'
import { ikev1 } from '#ikev1/version'
import { Rehearsal, type RehearsalSettings } from '#rehearsal/rehearsal'
import { LinkType } from '#wire/capture-file'
import { pcapngHeader, pcapngPacket } from '#wire/pcapng'
import { A_BEGINS, type Sites, sites } from './sites.ts'

export type RecordedNegotiation = {
  readonly rehearsal: Rehearsal
  /** Cipher keys of phase 1 by the hex of the initiator's cookie. */
  readonly keys: ReadonlyMap<string, Secret>
  /** Rows as `ikev1_decryption_table` has them. */
  readonly table: string
}

/** Two gateways in the simulator, with the keys that side a derives. */
export function recordNegotiation(
  of: Sites = sites({}, {}, A_BEGINS),
  lasts = 3_000,
  options: Partial<RehearsalSettings> = {},
): RecordedNegotiation {
  const keys = new Map<string, Secret>()
  const note = (effects: readonly Effect[]) => {
    for (const effect of effects) {
      if (effect.kind === 'ike-keys') keys.set(toHex(effect.initiatorSpi), effect.cipherKey)
    }
    return effects
  }
  const rehearsal = new Rehearsal({
    seed: 1,
    ...of,
    ...options,
    newEngine: (crypto) => {
      const engine = new Engine({ versions: [ikev1 as IkeVersion], crypto })
      return {
        handle: (input, now) => note(engine.handle(input, now)),
        snapshot: (now) => engine.snapshot(now),
      }
    },
  })
  rehearsal.start()
  rehearsal.runFor(lasts)
  const table = [...keys].map(([spi, key]) => `${spi},${toHex(key.reveal())}\n`).join('')
  return { rehearsal, keys, table }
}

/** 2026-11-23 12:00 UTC: when the clock of a rehearsal stood at zero. */
export const RECORDED_AT: number = Date.UTC(2026, 10, 23, 12)

/** The datagrams of a rehearsal, as each left its gateway, in one pcapng file. */
export function captureOf({
  rehearsal,
}: {
  readonly rehearsal: Pick<Rehearsal, 'sent'>
}): Uint8Array {
  return pcapngOf(
    rehearsal.sent.map(({ at, local, remote, octets }) => ({
      at,
      from: local,
      to: remote,
      octets,
    })),
  )
}

export type RecordedDatagram = {
  readonly at: number
  readonly from: Endpoint
  readonly to: Endpoint
  readonly octets: Uint8Array
}

export function pcapngOf(datagrams: readonly RecordedDatagram[]): Uint8Array {
  return concat(
    pcapngHeader('test', [{ name: 'any', linkType: LinkType.raw }]),
    ...datagrams.map(({ at, from, to, octets }) =>
      pcapngPacket({ interface: 0, at: RECORDED_AT + at, octets: ikeFrame(from, to, octets) }),
    ),
  )
}
