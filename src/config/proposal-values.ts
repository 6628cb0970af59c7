import { z } from 'zod'
import { parseVolume } from '#policy/lifetime'
import {
  DEFAULT_ESP_SUITES,
  DEFAULT_IKE_SUITES,
  DEFAULT_PFS,
  formatEspSuite,
  formatIkeSuite,
  formatPfs,
  type Pfs,
  type Phase2,
  parseIkeSuite,
  parsePfs,
  parsePhase2,
} from '#policy/proposal'
import { isTextProblem, textProblem } from '#policy/text-problem'
import type { Phase1Draft, Phase2Draft } from './draft.ts'
import { documented } from './key-doc.ts'
import { duration, parsed, parsedOrNumber } from './values.ts'

/** Of either phase; a peer that offers more is not serious, and each offer is a transform in the first message. */
const MOST_SUITES = 16
const SINCE = '0.1'

const phase1Object = z.strictObject({
  propose: documented(
    oneOrMore(parsed('encryption-hash-group', parseIkeSuite)).prefault(
      DEFAULT_IKE_SUITES.map(formatIkeSuite),
    ),
    {
      sentence: 'What we offer and accept, best first.',
      paragraph:
        'One proposal or a list: encryption-hash-group. As responder, the first that the peer offers and that stands here is taken: RFC 2408 §4.2 makes the order the wish of the initiator.',
      example: '[aes256-sha384-group20, aes256-sha256-group14]',
      since: SINCE,
    },
  ),
  lifetime: documented(duration('2m', '7d').prefault('8h'), {
    sentence: 'How long an IKE SA lives before it is replaced.',
    paragraph:
      'With its unit: `8h`, `1h30m`; a bare number is seconds. The new one is negotiated before the old one ends.',
    example: '8h',
    since: SINCE,
  }),
  volume: documented(
    parsedOrNumber('amount of data, from 1MB, or `unlimited`', (text) =>
      readVolume(text, LEAST_OF_PHASE1),
    ).prefault('unlimited'),
    {
      sentence: 'How much an IKE SA carries before it is replaced.',
      paragraph:
        'What IKE itself says under its keys, not the traffic: some hundred octets an hour, so it matters only to peers that insist on a number. Where the peer offers more, it is told ours (RESPONDER-LIFETIME).',
      example: 'unlimited',
      since: SINCE,
    },
  ),
})

export const phase1: z.ZodType<Phase1Draft, unknown> = z
  .union([
    parsed('encryption-hash-group', parseIkeSuite).transform((suite) => ({
      propose: [suite],
      lifetime: defaultOf(phase1Object.shape.lifetime),
      volume: defaultOf(phase1Object.shape.volume),
    })),
    phase1Object,
  ])
  .transform(
    ({ propose, lifetime, volume: { kilobytes } }): Phase1Draft => ({
      suites: propose,
      lifetime,
      ...(kilobytes === undefined ? {} : { kilobytes }),
    }),
  )
  .prefault({})

const phase2Object = z.strictObject({
  propose: documented(
    oneOrMore(parsed('encryption, or encryption-integrity', parsePhase2)).prefault(
      DEFAULT_ESP_SUITES.map(formatEspSuite),
    ),
    {
      sentence: 'What we offer and accept, best first.',
      paragraph:
        'One proposal or a list: an AEAD such as `aes256gcm16`, or encryption-integrity such as `aes256-sha256`.',
      example: '[aes256gcm16, aes256-sha256]',
      since: SINCE,
    },
  ),
  pfs: documented(parsedOrNumber('group or `none`', parsePfs).optional(), {
    sentence: 'The Diffie-Hellman group of each Child SA, or none.',
    paragraph:
      'Perfect forward secrecy: keys of the traffic do not follow from those of phase 1. Both sides must say the same, and IKEv1 has room for one group only (RFC 2409 §5.5).',
    example: 'group14',
    otherwise: formatPfs(DEFAULT_PFS),
    since: SINCE,
  }),
  lifetime: documented(duration('2m', '1d').prefault('1h'), {
    sentence: 'How long a Child SA lives before it is replaced.',
    paragraph: 'The new one carries the traffic before the old one ends, so no packet is lost.',
    example: '1h',
    since: SINCE,
  }),
  volume: documented(
    parsedOrNumber('amount of data, from 64MB, or `unlimited`', (text) =>
      readVolume(text, LEAST_OF_PHASE2),
    ).prefault('unlimited'),
    {
      sentence: 'How much traffic a Child SA carries before it is replaced.',
      paragraph:
        '`100GB`, `4608000KB`, a bare number in kilobytes of 1,024 octets, or `unlimited`. At high rates small volumes mean constant rekeying: 4.4 GB last 47 s at 800 Mbit/s. With 3DES, whose blocks are too short for more, `unlimited` means 1 GB (CVE-2016-2183).',
      example: 'unlimited',
      since: SINCE,
    },
  ),
})

export const phase2: z.ZodType<Phase2Draft, unknown> = z
  .union([
    parsed('encryption or encryption-integrity, pfs group', parsePhase2).transform((only) => ({
      propose: [only],
      pfs: undefined,
      lifetime: defaultOf(phase2Object.shape.lifetime),
      volume: defaultOf(phase2Object.shape.volume),
    })),
    phase2Object,
  ])
  .transform(({ propose, pfs, lifetime, volume }, context): Phase2Draft => {
    const group = onePfs(propose, pfs)
    if (isTextProblem(group)) {
      const { message, hints } = group
      context.addIssue({ code: 'custom', message, params: { hints }, path: ['propose'] })
      return z.NEVER
    }
    const suites = propose.map(({ suite }) => suite)
    const kilobytes = volume.kilobytes ?? limitOf(suites)
    return { suites, pfs: group, lifetime, ...(kilobytes === undefined ? {} : { kilobytes }) }
  })
  .prefault({})

/** 2²⁷ blocks of 8 octets: far from the 2³² after which two alike are expected. */
const SHORT_BLOCK_KILOBYTES = 1_048_576
/** Kilobytes below which an SA would be replaced again and again. */
const LEAST_OF_PHASE1 = 1_024
const LEAST_OF_PHASE2 = 65_536

function limitOf(suites: Phase2Draft['suites']): number | undefined {
  return suites.some(({ encryption }) => encryption === '3des-cbc')
    ? SHORT_BLOCK_KILOBYTES
    : undefined
}

function readVolume(text: string, least: number): ReturnType<typeof parseVolume> {
  const volume = parseVolume(text)
  if (isTextProblem(volume) || (volume.kilobytes ?? least) >= least) return volume
  return textProblem(text, `${text} is too little: at least ${least / 1_024}MB`)
}

/** All proposals of one Quick mode have the same group (RFC 2409 §5.5). */
function onePfs(
  propose: readonly Phase2[],
  key: Pfs | undefined,
): Pfs | ReturnType<typeof textProblem> {
  const said = new Set(propose.flatMap(({ pfs }) => (pfs === undefined ? [] : [pfs])))
  if (key !== undefined) said.add(key)
  const [first, second] = said
  if (second === undefined) return first ?? DEFAULT_PFS
  const groups = [...said].map(formatPfs).join(' and ')
  return textProblem('', `pfs is said as ${groups}: all proposals share one`, {
    hints: ['RFC 2409 §5.5: write it once, as pfs: GROUP'],
  })
}

function oneOrMore<T>(
  one: z.ZodType<T, string>,
): z.ZodType<readonly T[], string | readonly string[]> {
  return z.union([one.transform((value) => [value]), z.array(one).min(1).max(MOST_SUITES)])
}

function defaultOf<T>(schema: z.ZodType<T, unknown>): T {
  return schema.parse(undefined)
}
