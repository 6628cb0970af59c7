import type { TunnelConfig } from '#config/config'
import type { Failure } from '#ike/events'
import { formatIdentity } from '#policy/identity'
import { keysDiffer } from './certificate-failures.ts'
import { stoppedMidway } from './stopped-midway.ts'

/** What shows that the pre-shared keys of the two sides are not the same. */

/** CW-301 seen by the one who could not decrypt. @param theirs which key the peer uses, if a slip with ours was found */
export function undecryptable(
  tunnel: TunnelConfig,
  message: number,
  theirs: string | undefined,
): Failure {
  const { name } = tunnel
  if (tunnel.authentication.kind !== 'psk')
    return keysDiffer(tunnel, `message ${message} of ${name}`)
  const evidence = `everything before matched; message ${message}, the first under the key, is no valid message`
  const summary = `the pre-shared keys differ: message ${message} of ${name} does not decrypt with ours`
  if (theirs !== undefined) return slipFound(tunnel, 'CW-301', summary, theirs)
  return {
    code: 'CW-301',
    summary,
    evidence,
    certainty: 'very likely',
    key: 'psk',
    remedy: COMPARE,
    forPeer: `Our gateway cannot decrypt the first encrypted message of yours (message ${message}): the pre-shared keys differ. ${ENTER_ANEW}`,
    otherCauses: [`${name} takes another tunnel of its own for ours, with another key`],
  }
}

/** CW-301, CW-302: it decrypts, yet the proof is wrong. */
export function wrongHash(tunnel: TunnelConfig, theirs: string | undefined): Failure {
  const code = tunnel.ike === 'v1-aggressive' ? 'CW-302' : 'CW-301'
  const summary = `the pre-shared keys differ: the proof ${tunnel.name} sent does not fit ours`
  if (theirs !== undefined) return slipFound(tunnel, code, summary, theirs)
  return {
    code,
    summary,
    evidence: 'the HASH payload of its last phase 1 message differs from the one computed',
    certainty: 'certain',
    key: 'psk',
    remedy: COMPARE,
    forPeer: `The proof your gateway sends in phase 1 does not fit our pre-shared key. ${ENTER_ANEW}`,
  }
}

/** CW-301 seen by the initiator: only silence follows message 5. */
export function message5Silent(tunnel: TunnelConfig): Failure {
  const ours = formatIdentity(tunnel.localId)
  return {
    code: 'CW-301',
    summary: `${tunnel.peer} fell silent at message 5, the first one encrypted: the pre-shared keys most likely differ`,
    evidence: 'messages 1 to 4 were answered, message 5 never',
    certainty: 'very likely',
    key: 'psk',
    remedy: COMPARE,
    forPeer: `Your gateway answers the first four messages of ours and not the fifth, the first under the pre-shared key. ${ENTER_ANEW} What does its log say?`,
    otherCauses: [
      `${tunnel.name} does not know our identity ${ours}, and says nothing of it`,
      stoppedMidway(tunnel),
    ],
  }
}

/** CW-301, CW-302 seen by who proved itself first: the peer complains of that under keys that are not ours. */
export function answerUnreadable(tunnel: TunnelConfig, theirs: string | undefined): Failure {
  const aggressive = tunnel.ike === 'v1-aggressive'
  const code = aggressive ? 'CW-302' : 'CW-301'
  const what = `what ${tunnel.name} answers to message ${aggressive ? '2 of Aggressive mode' : '5'}`
  if (tunnel.authentication.kind !== 'psk') return keysDiffer(tunnel, what)
  if (theirs !== undefined) {
    const summary = `the pre-shared keys differ: ${what} does not decrypt with ours`
    return slipFound(tunnel, code, summary, theirs)
  }
  return {
    code,
    summary: `the pre-shared keys most likely differ: ${what}, the first one encrypted, does not decrypt with ours`,
    evidence: `an encrypted Informational message instead of message ${aggressive ? '3' : '6'}, and it is no valid message under our key`,
    certainty: 'very likely',
    key: 'psk',
    remedy: COMPARE,
    forPeer: `We cannot read what your gateway answers to our first encrypted message: the pre-shared keys differ. ${ENTER_ANEW}`,
  }
}

/** CW-302 as the responder of Aggressive mode hears it in clear, where a hash that does not fit is what the peer sees first. */
export function aggressive2Refused(tunnel: TunnelConfig, evidence: string): Failure {
  const { name, local, localId } = tunnel
  const ours = formatIdentity(localId)
  return {
    code: 'CW-302',
    summary: `${name} refuses our proof in message 2 of Aggressive mode: the pre-shared keys differ, or it expects another identity of us than ${ours}`,
    ours,
    theirs: 'not told by the peer',
    evidence,
    certainty: 'very likely',
    key: 'psk',
    remedy: `${COMPARE}; and see that ${name} expects our identity ${ours}`,
    forPeer: `Your gateway refuses the answer of ours (${local}) to its first message of Aggressive mode. ${ENTER_ANEW} Does it expect our identity ${ours}?`,
  }
}

/** One of the variants of our key did what ours did not. It is told and never accepted. */
function slipFound(
  { name, local }: TunnelConfig,
  code: 'CW-301' | 'CW-302',
  summary: string,
  theirs: string,
): Failure {
  const another = theirs.startsWith('that of')
  const ours = another ? 'that is the key of another tunnel of ours' : 'somebody has entered it so'
  return {
    code,
    summary: `${summary}; the key ${name} uses is ${theirs}`,
    theirs,
    evidence: `its message fits that key exactly, tried for this diagnosis and not accepted: ${ours}`,
    certainty: 'certain',
    key: 'psk',
    remedy: another
      ? `the keys of two tunnels are mixed up, here or there: see which of them is meant for ${name}, and enter it at both ends`
      : `have ${name} enter the key exactly as it is here, or enter here what it has there`,
    forPeer: another
      ? `Your gateway uses for ours (${local}) a pre-shared key that we have for another peer. Which key did you mean for ${local}? Please enter that one.`
      : `The pre-shared key on your gateway is not quite ours. Please enter it anew: as one line, without quotes, spaces or a line end, and as plain text.`,
  }
}

const COMPARE =
  'put the same key on both gateways; to compare without saying it: causeway keygen --fingerprint FILE prints six characters, on any machine'
const ENTER_ANEW =
  'Please enter the key for our address anew, as one line, without quotes, spaces or a line end.'
