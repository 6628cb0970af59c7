import { type FailureBlock, failureText } from '#diagnosis/failure-text'
import { type HostFact, hostFacts } from './host-facts.ts'
import { lookAtHost } from './host-look.ts'

/** CW-108: what this host lacks for a gateway, in the form every failure has; undefined where nothing is seen to be missing. */
export function hostTrouble(
  width: number,
  facts: readonly HostFact[] = hostFacts(lookAtHost(undefined), undefined),
): string | undefined {
  const missing = facts.filter(({ ok, text }) => !ok && NEEDED.test(text))
  const [first, ...others] = missing
  if (first === undefined) return undefined
  const failure: FailureBlock = {
    code: 'CW-108',
    summary: `the gateway cannot start on this host: ${first.text}`,
    evidence: 'looked at just now; what the kernel said stands in the log above',
    certainty: 'certain',
    remedy: first.note ?? 'see the log',
    otherCauses: others.map(({ text, note }) => (note === undefined ? text : `${text}: ${note}`)),
  }
  return `${failureText(failure, width).join('\n')}\n`
}

/** Without these nothing starts; clock and forwarding are for later. */
const NEEDED = /^UDP|^TUN|CAP_/
