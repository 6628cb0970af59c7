import type { DataPlaneCounters, SaCounters, TunnelCounters } from '#dataplane/port'

/** A data plane without SAs that has seen nothing. */
export const NO_COUNTS: DataPlaneCounters = {
  sas: [],
  tunnels: [],
  unknownSpi: 0,
  malformed: 0,
  ikeOverflow: 0,
  notSent: 0,
  notReceived: 0,
}

/** Of an SA that has carried nothing but what is said. */
export function saCounters(
  sa: Pick<SaCounters, 'direction' | 'child' | 'spi'>,
  counts: Partial<SaCounters> = {},
): SaCounters {
  const { direction, child, spi } = sa
  return {
    direction,
    child,
    spi,
    packets: 0,
    octets: 0,
    sequence: 0,
    lastUsed: 0,
    replayed: 0,
    badIcv: 0,
    badPadding: 0,
    outsideSelectors: 0,
    malformed: 0,
    latest: 0,
    congested: 0,
    exhausted: 0,
    cannotCarry: 0,
    dummies: 0,
    ...counts,
  }
}

/** Of a tunnel to which nothing has happened but what is said. */
export function tunnelCounters(
  tunnel: string,
  counts: Partial<TunnelCounters> = {},
): TunnelCounters {
  return { tunnel, mtu: 1_400, noSa: 0, noPolicy: 0, tooBig: 0, probes: 0, notSent: 0, ...counts }
}
