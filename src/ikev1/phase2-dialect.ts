import { ipFromBigInt, ipToBigInt } from '#bytes/ip'
import { keyExchange } from '#crypto/registry'
import type { Pfs } from '#policy/proposal'
import { formatSelector, type SelectorPair, selectorToPrefixes } from '#policy/traffic-selector'

/**
 * How the peer would write a network pair of ours, seen from its own side, in the configuration of the product it says it is; undefined
 * where we do not know for sure. Only ever a suggestion to people: a vendor ID is no proof.
 */
export function networksInDialect(
  vendor: string | undefined,
  { local, remote }: SelectorPair,
): string | undefined {
  // The peer's own network is what is remote here.
  const [own, ours] = [formatSelector(remote), formatSelector(local)]
  if (local.protocol !== 0 || remote.protocol !== 0) return undefined
  switch (vendor) {
    case 'strongSwan':
      return `local_ts = ${own}, remote_ts = ${ours}`
    case 'Libreswan':
      return `leftsubnet=${own}, rightsubnet=${ours}`
    case 'FortiGate':
      return `set src-subnet ${own}, set dst-subnet ${ours}`
    case 'Cisco IOS': {
      const [from, to] = [wildcard(remote), wildcard(local)]
      return from && to && `access-list 101 permit ip ${from} ${to}`
    }
    default:
      return undefined
  }
}

/** The same of perfect forward secrecy. */
export function pfsInDialect(vendor: string | undefined, pfs: Pfs): string | undefined {
  const group = pfs === 'none' ? undefined : keyExchange(pfs).id
  switch (vendor) {
    case 'Cisco IOS':
      return group === undefined ? 'no set pfs' : `set pfs group${group}`
    case 'FortiGate':
      return group === undefined ? 'set pfs disable' : `set pfs enable, set dhgrp ${group}`
    case 'strongSwan':
      return group === undefined
        ? 'esp_proposals without a DH group'
        : `esp_proposals ending in -${pfs}`
    case 'Libreswan':
      return group === undefined ? 'pfs=no' : `pfs=yes, esp=…;${pfs}`
    default:
      return undefined
  }
}

/** `10.1.0.0 0.0.255.255`, as Cisco's access lists have it. */
function wildcard(selector: SelectorPair['local']): string | undefined {
  const [prefix, ...more] = selectorToPrefixes(selector)
  if (prefix === undefined || more.length > 0 || selector.family !== 4) return undefined
  const mask = ipFromBigInt(ipToBigInt(selector.end) - ipToBigInt(selector.start), 4)
  return `${prefix.address} ${mask}`
}
