import { z } from 'zod'
import type { IpAddress } from '#bytes/ip'
import type { Prefix } from '#policy/traffic-selector'
import type { PskSource } from './draft.ts'
import { documented } from './key-doc.ts'
import { addresses, oneOf, pools, psk, routes, text } from './values.ts'

/** `xauth` of a tunnel after its keys were read; paths are as written. */
export type XauthDraft = {
  readonly role: 'client' | 'server'
  readonly user?: string | undefined
  readonly password?: PskSource | undefined
  readonly users?: string | undefined
}

export type ModeConfigDraft = {
  readonly role: 'client' | 'server'
  readonly method: 'pull' | 'push'
  readonly address?: readonly IpAddress[] | undefined
  /** Networks the address is taken from instead; one of each IP version. */
  readonly pool?: readonly Prefix[] | undefined
  readonly dns?: readonly IpAddress[] | undefined
  readonly networks?: readonly Prefix[] | undefined
}

const SINCE = '0.1'

export const xauth: z.ZodType<XauthDraft, unknown> = z.strictObject({
  role: documented(oneOf(['client', 'server']), {
    sentence: 'Who logs in: we there (`client`), or the peer here (`server`).',
    paragraph: 'Whoever begins phase 1, the server asks and the client answers.',
    example: 'client',
    since: SINCE,
  }),
  user: documented(text(255).optional(), {
    sentence: 'As a client: the user name we give.',
    paragraph: 'Sent only after the peer has proven in phase 1 that it is the one configured.',
    example: 'branch-7',
    since: SINCE,
  }),
  password: documented(psk.optional(), {
    sentence: 'As a client: the password, or where it is.',
    paragraph: '`file:PATH`, `env:NAME`, or the password itself in quotes; as `psk`.',
    example: 'file:keys/branch-7.password',
    since: SINCE,
  }),
  users: documented(text(1024).optional(), {
    sentence: 'As a server: file with the users that may log in, a line each.',
    paragraph:
      '`NAME:PASSWORD`; what follows the first colon is the password, spaces included. Empty lines and lines that begin with `#` are left out. The file must not be accessible to group or others (`chmod 600`).',
    example: '/etc/causeway/branches.users',
    since: SINCE,
  }),
})

export const modeConfig: z.ZodType<ModeConfigDraft, unknown> = z.strictObject({
  role: documented(oneOf(['client', 'server']), {
    sentence: 'Who gives the address: the peer to us (`client`), or we to the peer (`server`).',
    paragraph:
      'What a client is given becomes its side of every pair in `networks`, and an address of the interface.',
    example: 'client',
    since: SINCE,
  }),
  method: documented(oneOf(['pull', 'push']).prefault('pull'), {
    sentence: 'Whether the client asks, or the server tells unasked.',
    paragraph: 'Both sides must have the same. Most devices pull; some of Cisco push.',
    example: 'pull',
    since: SINCE,
  }),
  address: documented(addresses(2).optional(), {
    sentence: 'As a server: the address the peer gets; one, or one of each IP version.',
    paragraph: 'The same each time. On the side of the peer, `any` in `networks` stands for it.',
    example: '10.9.0.7',
    since: SINCE,
  }),
  pool: documented(pools.optional(), {
    sentence: 'As a server: a network from which the peer gets an address, instead of `address`.',
    paragraph:
      'One, or one of each IP version. Tunnels may share a pool: each gets an address of its own, which follows from the name of the tunnel, so that it is the same after every restart. A tunnel serves one peer at a time.',
    example: '10.9.0.0/24',
    since: SINCE,
  }),
  dns: documented(addresses(8).optional(), {
    sentence: 'As a server: name servers the peer is told of.',
    paragraph: 'One address or a list.',
    example: '10.1.0.53',
    since: SINCE,
  }),
  networks: documented(routes.optional(), {
    sentence: 'As a server: networks the peer is told to send through the tunnel.',
    paragraph:
      "IPv4 only, by Cisco's attribute UNITY_SPLIT_INCLUDE. It tells and decides nothing: what goes through the tunnel is agreed in phase 2.",
    example: '[10.1.0.0/16]',
    since: SINCE,
  }),
})
