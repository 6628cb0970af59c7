import type { IpsecSection } from './ipsec-lines.ts'
import { isNamed } from './swan-values.ts'
import type { TunnelImport } from './tunnel-import.ts'

export type Family = 'strongswan' | 'libreswan'

/** By what only one of the two families knows, each such key counted once; strongSwan where nothing tells. */
export function familyOf(sections: readonly IpsecSection[]): Family {
  const settings = sections.flatMap((section) => section.settings)
  const known = (keys: RegExp, lines: RegExp) => {
    const told = settings.filter(
      ({ key, value }) => keys.test(key) || lines.test(`${key}=${value}`),
    )
    return new Set(told.map(({ key }) => key)).size
  }
  return known(...LIBRESWAN) > known(...STRONGSWAN) ? 'libreswan' : 'strongswan'
}

export function nameOf(family: Family): string {
  return family === 'strongswan' ? 'strongSwan' : family
}

type Signs = readonly [keys: RegExp, lines: RegExp]

/** `keyexchange=ikev1`, `uniqueids` and `mobike` stand in both. */
const LIBRESWAN: Signs = [
  /^(?:ikev2|phase2alg|phase2|sha2-truncbug|protostack|logfile|logtime|logappend|plutodebug|dumpdir|virtual[-_]private|ikev1-policy|nssdir|dnssec-enable|salifetime|ipsec-lifetime|aggressive-mode|aggrmode|(?:left|right)(?:subnets|addresspool|vti|interface-ip|username|xauth(?:server|client|username)|modecfg(?:server|client))|modecfgdns\d?|encapsulation|retransmit-(?:timeout|interval)|vti-.*|ipsec-interface|cisco-unity|remote-peer-type|xauthby|nat-ikev1-method|narrowing|overlapip)$/,
  /^(?:ike|esp)=.*(?:;|_)|^auto=(?:ondemand|ignore|keep)|^dpdaction=(?:hold|restart_by_peer)|^(?:left|right)rsasigkey=(?:%cert|0s)/,
]

const STRONGSWAN: Signs = [
  /^(?:charondebug|charonstart|plutostart|crlcheckinterval|xauth|xauth_identity|eap_identity|aaa_identity|modeconfig|(?:left|right)(?:auth2?|firewall|hostaccess|groups|sigkey|sendcert)|strictcrlpolicy|cachecrls|closeaction|forceencaps|installpolicy|tfc)$/,
  /^(?:ike|esp)=.*!$|^(?:left|right)sourceip=%|^(?:left|right)cert=.*\.(?:pem|der|crt)$/,
]

/** Who a peer with a key is where no identity is said: strongSwan takes what is written as its address, libreswan what that leads to. */
export function assumeIdentity(
  tunnel: TunnelImport,
  about: { readonly family: Family; readonly peer: string; readonly isAggressive: boolean },
): void {
  const { family, peer, isAggressive } = about
  if (family !== 'strongswan' || !isNamed(peer)) return
  tunnel.assume(isAggressive ? 'peer-id' : 'peer-id.sends', peer, 'its name, as in strongSwan')
}
