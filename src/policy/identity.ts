import type { IpAddress } from '#bytes/ip'

/** Who a peer says it is: the ID types of RFC 2407 §4.6.2.1 and RFC 7296 §3.5 that name one party. */
export type Identity =
  | { readonly kind: 'address'; readonly address: IpAddress }
  | { readonly kind: 'fqdn'; readonly name: string }
  | { readonly kind: 'user-fqdn'; readonly name: string }
  | { readonly kind: 'dn'; readonly der: Uint8Array }
  | { readonly kind: 'key-id'; readonly octets: Uint8Array }
