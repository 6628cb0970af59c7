/** What one vendor documents for IKEv1 between sites: defaults that stand below what a tunnel says itself. */
export type Preset = {
  readonly name: string
  readonly title: string
  readonly values: readonly PresetValue[]
  /** What the other side's operator chooses, or what no document says: to be asked. */
  readonly confirm: readonly string[]
  /** What such a peer does that others do not. */
  readonly habits: readonly PresetHabit[]
}

export type PresetValue = {
  /** A key of a tunnel, as in the file. */
  readonly key: PresetKey
  readonly value: string | number | readonly string[]
  readonly why: string
  readonly source: string
}

export type PresetHabit = { readonly text: string; readonly source: string }

export type PresetKey =
  | 'phase1.propose'
  | 'phase1.lifetime'
  | 'phase2.propose'
  | 'phase2.pfs'
  | 'phase2.lifetime'
  | 'phase2.volume'
  | 'networks'
  | 'start'
  | 'dead-peer.probe-every'
  | 'dead-peer.give-up-after'
  | 'interface.mtu'
