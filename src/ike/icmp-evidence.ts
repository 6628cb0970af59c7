import type { Failure } from './events.ts'

/** An ICMP or ICMPv6 error that came back for our datagrams. */
export type IcmpError = { readonly icmpType: number; readonly icmpCode: number }

/** What the network itself said of a peer belongs to that peer's silence (CW-101). */
export function withIcmp(failure: Failure, error: IcmpError | undefined): Failure {
  if (failure.code !== 'CW-101' || error === undefined) return failure
  const { icmpType, icmpCode } = error
  return {
    ...failure,
    evidence: `ICMP error type ${icmpType} code ${icmpCode} came back for our datagrams`,
  }
}
