import type { ChildSaFacts, TunnelSnapshot } from '#ike/events'
import type { SimulatedGateway } from '#rehearsal/gateway'
import type { Rehearsal, Side } from '#rehearsal/rehearsal'

/**
 * What keeps a tunnel from being up and the same on both sides: one established IKE SA or more, known to both by the same
 * SPIs; for each network pair exactly one active Child SA, the same on both sides, whose keys open what the other seals.
 * @returns sentences, none when all is well.
 */
export function disagreements(rehearsal: Rehearsal, tunnel: string): readonly string[] {
  const a = snapshotOf(rehearsal, 'a', tunnel)
  const b = snapshotOf(rehearsal, 'b', tunnel)
  if (a === undefined || b === undefined) return [`${tunnel} is not known on both sides`]
  return [
    ...notUp('a', a),
    ...notUp('b', b),
    ...ikeSasDiffer(a, b),
    ...childrenDiffer(rehearsal, a, b),
    ...leaks(rehearsal, 'a'),
    ...leaks(rehearsal, 'b'),
  ]
}

/** Whether the data plane of a side holds the SAs its engine lists and no others; one that drains need not be sent on. */
export function leaks(rehearsal: Rehearsal, side: Side): readonly string[] {
  const { dataPlane } = rehearsal.gateways[side]
  const listed = rehearsal.gateways[side]
    .snapshot(rehearsal.now)
    .flatMap(({ childSas }) => childSas)
  const active = listed.filter(({ state }) => state === 'active')
  const inbound = dataPlane.inbound.map(({ spi }) => spi)
  const outbound = dataPlane.outbound.map(({ spi }) => spi)
  const inboundListed = listed.map(({ inboundSpi }) => inboundSpi)
  const outboundListed = listed.map(({ outboundSpi }) => outboundSpi)
  const told = (spis: readonly number[], what: string): readonly string[] =>
    spis.map((spi) => `${side}: SA ${spi} is ${what}`)
  return [
    ...told(missing(inbound, inboundListed), 'installed and not listed'),
    ...told(missing(outbound, outboundListed), 'installed and not listed'),
    ...told(missing(inboundListed, inbound), 'listed and not installed'),
    ...told(
      missing(
        active.map(({ outboundSpi }) => outboundSpi),
        outbound,
      ),
      'active and not installed',
    ),
  ]
}

function notUp(side: Side, { tunnel, state }: TunnelSnapshot): readonly string[] {
  return state === 'up' ? [] : [`${side}: ${tunnel} is ${state}`]
}

function ikeSasDiffer(a: TunnelSnapshot, b: TunnelSnapshot): readonly string[] {
  const spis = ({ ikeSas }: TunnelSnapshot): readonly string[] =>
    ikeSas.map(({ initiatorSpi, responderSpi }) => `${initiatorSpi}/${responderSpi}`)
  return [
    ...missing(spis(a), spis(b)).map((sa) => `IKE SA ${sa} is known to a only`),
    ...missing(spis(b), spis(a)).map((sa) => `IKE SA ${sa} is known to b only`),
    ...(a.ikeSas.length === 0 ? ['there is no IKE SA'] : []),
  ]
}

function childrenDiffer(
  rehearsal: Rehearsal,
  a: TunnelSnapshot,
  b: TunnelSnapshot,
): readonly string[] {
  const pairs = rehearsal.gateways.a.config.tunnels.find(({ name }) => name === a.tunnel)?.networks
  return (pairs ?? []).flatMap((_, pair) => {
    const [ours, second] = activeOf(a, pair)
    const [theirs, otherSecond] = activeOf(b, pair)
    if (ours === undefined) return [`a: pair ${pair} has no active Child SA`]
    if (theirs === undefined) return [`b: pair ${pair} has no active Child SA`]
    if (second !== undefined || otherSecond !== undefined)
      return [`pair ${pair} has more than one active Child SA`]
    if (ours.inboundSpi !== theirs.outboundSpi || ours.outboundSpi !== theirs.inboundSpi)
      return [`pair ${pair}: the active Child SAs of a and b are not the same`]
    const child = { tunnel: a.tunnel, pair }
    return [
      ...cannotOpen(rehearsal.gateways.a, rehearsal.gateways.b, child, 'b opens what a seals'),
      ...cannotOpen(rehearsal.gateways.b, rehearsal.gateways.a, child, 'a opens what b seals'),
    ]
  })
}

function activeOf({ childSas }: TunnelSnapshot, pair: number): readonly ChildSaFacts[] {
  return childSas.filter(({ state, child }) => state === 'active' && child.pair === pair)
}

function cannotOpen(
  sender: SimulatedGateway,
  receiver: SimulatedGateway,
  child: ChildSaFacts['child'],
  claim: string,
): readonly string[] {
  const sa = sender.dataPlane.newestOutbound(child)
  const verdict = sa === undefined ? 'no outbound SA' : receiver.dataPlane.verdictOn(sa)
  return verdict === 'opened' ? [] : [`pair ${child.pair}: not so that ${claim}: ${verdict}`]
}

function snapshotOf(rehearsal: Rehearsal, side: Side, tunnel: string): TunnelSnapshot | undefined {
  const snapshots = rehearsal.gateways[side].snapshot(rehearsal.now)
  return snapshots.find((snapshot) => snapshot.tunnel === tunnel)
}

function missing<Value>(from: readonly Value[], among: readonly Value[]): readonly Value[] {
  return from.filter((value) => !among.includes(value))
}
