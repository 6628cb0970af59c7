import {
  type EspSuite,
  equalEspSuite,
  equalIkeSuite,
  formatEspSuite,
  formatIkeSuite,
  type IkeSuite,
} from './proposal.ts'

/**
 * The suite a responder answers with: the first one offered that it accepts. RFC 2408 §4.2 leaves the choice to the responder, and
 * gives the initiator's order as its preference; whatever we accept is good enough for us, so the peer's wish decides.
 */
export function selectIkeSuite(
  offered: readonly IkeSuite[],
  acceptable: readonly IkeSuite[],
): IkeSuite | undefined {
  return offered.find((offer) => acceptable.some((one) => equalIkeSuite(one, offer)))
}

/** As `selectIkeSuite`, of a Child SA. */
export function selectEspSuite(
  offered: readonly EspSuite[],
  acceptable: readonly EspSuite[],
): EspSuite | undefined {
  return offered.find((offer) => acceptable.some((one) => equalEspSuite(one, offer)))
}

/** The pair of suites that came closest, and what keeps them apart. */
export type NearestMiss = {
  readonly offered: string
  readonly acceptable: string
  /** In an operator's words: `encryption`, `hash`, `DH group`, `extended sequence numbers`. */
  readonly differs: readonly string[]
}

/** @returns undefined when either side has nothing, or when a suite is in both. */
export function nearestMiss(
  offered: readonly (IkeSuite | EspSuite)[],
  acceptable: readonly (IkeSuite | EspSuite)[],
): NearestMiss | undefined {
  let nearest: NearestMiss | undefined
  for (const offer of offered) {
    for (const one of acceptable) {
      const differs = differences(offer, one)
      if (differs.length === 0) return undefined
      if (nearest !== undefined && nearest.differs.length <= differs.length) continue
      nearest = { offered: format(offer), acceptable: format(one), differs }
    }
  }
  return nearest
}

/** `only hash and DH group differ`, `encryption, hash and DH group differ`. */
export function describeMiss({ differs }: NearestMiss): string {
  const last = differs.at(-1) ?? ''
  if (differs.length < 2) return `only ${last} differs`
  const list = `${differs.slice(0, -1).join(', ')} and ${last} differ`
  return differs.length > 2 ? list : `only ${list}`
}

function differences(a: IkeSuite | EspSuite, b: IkeSuite | EspSuite): readonly string[] {
  const left = attributes(a)
  const right = attributes(b)
  return Object.keys({ ...left, ...right }).filter((name) => left[name] !== right[name])
}

function attributes(suite: IkeSuite | EspSuite): Readonly<Record<string, string | boolean>> {
  if ('hash' in suite)
    return { encryption: suite.encryption, hash: suite.hash, 'DH group': suite.keyExchange }
  return {
    encryption: suite.encryption,
    hash: suite.integrity,
    'extended sequence numbers': suite.esn,
  }
}

function format(suite: IkeSuite | EspSuite): string {
  return 'hash' in suite ? formatIkeSuite(suite) : formatEspSuite(suite)
}
