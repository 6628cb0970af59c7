import { mkdirSync } from 'node:fs'
import { messageOf } from '#bytes/thrown'
import type { InboundSa, OutboundSa } from '#esp/sa'
import type { Effect } from '#ike/effects'
import type { EnginePort } from './loop.ts'
import { WiresharkFolder } from './wireshark-folder.ts'
import { ESP_TABLE, espRow, IKEV1_TABLE, ikev1Row } from './wireshark-tables.ts'

/**
 * Writes the keys of every SA into a Wireshark profile, because the operator asked for it. Rows are added and never taken away: a
 * capture is opened after its SAs have gone.
 */
export class WiresharkKeys {
  readonly #folder: WiresharkFolder
  readonly #onProblem: (text: string) => void
  /** Needed again when a tunnel's peer moves: rows name addresses. */
  readonly #sas = new Map<string, InboundSa | OutboundSa>()
  #failed = false

  /** @throws Error when the folder cannot be made, or others than this user could read it. */
  constructor(folder: string, onProblem: (text: string) => void) {
    this.#onProblem = onProblem
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    try {
      this.#folder = new WiresharkFolder(folder)
    } catch (error) {
      throw new Error(`--wireshark-keys: ${messageOf(error)}`)
    }
    this.#folder.prepare()
  }

  /** Takes the effects that concern keys; never throws, so that no tunnel depends on a full disk. */
  take(effect: Effect): void {
    switch (effect.kind) {
      case 'ike-keys':
        this.#try(IKEV1_TABLE, ikev1Row(effect.initiatorSpi, effect.cipherKey))
        return
      case 'install-sa':
        this.#sas.set(keyOf(effect.sa), effect.sa)
        this.#try(ESP_TABLE, espRow(effect.sa))
        return
      case 'remove-sa':
        this.#sas.delete(keyOf(effect))
        return
      case 'move-sas':
        this.#move(effect)
        return
      default:
        return
    }
  }

  #move({ tunnel, local, remote }: Extract<Effect, { kind: 'move-sas' }>): void {
    for (const [key, sa] of this.#sas) {
      if (sa.child.tunnel !== tunnel) continue
      const moved = { ...sa, local, remote }
      this.#sas.set(key, moved)
      const row = espRow(moved)
      // A NAT that changed only the port changes no row.
      if (row !== espRow(sa)) this.#try(ESP_TABLE, row)
    }
  }

  #try(file: string, row: string): void {
    try {
      this.#folder.append(file, row)
      this.#failed = false
    } catch (error) {
      if (this.#failed) return
      this.#failed = true
      const reason = messageOf(error)
      this.#onProblem(`--wireshark-keys: a key could not be written: ${reason}`)
    }
  }
}

/** The same engine; what it wants passes `keys` before it is carried out. */
export function keepKeys(engine: EnginePort, keys: WiresharkKeys): EnginePort {
  return {
    handle(input, now) {
      const effects = engine.handle(input, now)
      for (const effect of effects) keys.take(effect)
      return effects
    },
    snapshot: (now) => engine.snapshot(now),
  }
}

function keyOf({ direction, spi }: Pick<InboundSa | OutboundSa, 'direction' | 'spi'>): string {
  return `${direction} ${spi}`
}
