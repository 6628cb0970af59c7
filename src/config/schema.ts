import { z } from 'zod'
import { certificate } from './certificate-values.ts'
import type { FileDraft, GatewayDraft, TunnelDraft } from './draft.ts'
import { documented } from './key-doc.ts'
import { PRESET_NAMES } from './presets/catalog.ts'
import { phase1, phase2 } from './proposal-values.ts'
import {
  address,
  controlPath,
  day,
  duration,
  ikeVersion,
  interfaceAddresses,
  interfaceName,
  localId,
  networks,
  oneOf,
  peer,
  peerId,
  psk,
  replayWindow,
  routes,
  text,
  watch,
  workers,
} from './values.ts'

import { modeConfig, xauth } from './xauth-values.ts'

/** Each key once: its type, default and bounds as a schema, its meaning as a `KeyDoc`. */
export type KeyTable<T> = { readonly [K in keyof T]-?: z.ZodType<T[K], unknown> }

const SINCE = '0.1'

export const fileKeys: KeyTable<FileDraft> = {
  version: documented(z.literal(1), {
    sentence: 'Version of this file format.',
    paragraph:
      'Always 1 today. A later format that reads differently will have another number, so that an old file is never read with a new meaning.',
    example: '1',
    since: SINCE,
  }),
  gateway: documented(z.unknown(), {
    sentence: 'What is said of this gateway itself.',
    paragraph: 'Its keys are listed under gateway.',
    example: '{name: gw-berlin, address: 203.0.113.10}',
    since: SINCE,
  }),
  include: documented(
    z.union([text(255).transform((one) => [one]), z.array(text(255)).max(64)]).prefault([]),
    {
      sentence: 'Further files that hold tunnels.',
      paragraph:
        'One path or a list of them, relative to this file; `*` stands for any characters in the last part of a path. An included file holds `tunnels:` and nothing else. Names of tunnels must differ across all files.',
      example: 'tunnels.d/*.yaml',
      since: SINCE,
    },
  ),
  tunnels: documented(z.unknown(), {
    sentence: 'The tunnels, each under its name.',
    paragraph:
      'A name is what `causeway up` and `causeway status` take: letters, digits, `-`, `_` and `.`, at most 63, beginning with a letter or digit.',
    example: '{}',
    since: SINCE,
  }),
}

export const gatewayKeys: KeyTable<GatewayDraft> = {
  name: documented(text(63).optional(), {
    sentence: 'Name of this gateway, for status and logs.',
    paragraph: 'It is never sent to a peer.',
    example: 'gw-berlin',
    otherwise: 'the host name',
    since: SINCE,
  }),
  address: documented(address.optional(), {
    sentence: 'The address that peers have configured for us.',
    paragraph:
      'Every tunnel is negotiated from it unless the tunnel has an `address` of its own. It must be an address of this host; behind a static NAT it is the inside one.',
    example: '203.0.113.10',
    otherwise: 'none: each tunnel then needs its own',
    since: SINCE,
  }),
  control: documented(controlPath.prefault('/run/causeway.sock'), {
    sentence: 'Path of the socket that the `causeway` commands talk to.',
    paragraph: 'A Unix socket. Two gateways on one host need two paths.',
    example: '/run/causeway.sock',
    since: SINCE,
  }),
  workers: documented(workers.prefault('auto'), {
    sentence:
      'How many threads carry packets: 1, or an even number: two for each part of the tunnels.',
    paragraph:
      'Two are one for each direction: they carry more at once where there are processors for them, and take about 100 MB more memory. With 4, 6 and so on up to 16 each two carry a part of the tunnels; those with one peer or with remote networks that overlap stay together, and one tunnel never takes more than two. `auto` is 2 for every four processors, but no more than there are peers for, and 1 below four. A change counts from the next start on.',
    example: 'auto',
    since: SINCE,
  }),
}

export const tunnelKeys: KeyTable<TunnelDraft> = {
  note: documented(text(1000).optional(), {
    sentence: 'Free text for whoever reads the file or the status.',
    paragraph:
      'The place, the device at the other end and whom to call are what one wants at night.',
    example: '"Paris office, Cisco ISR 4331, J. Moreau +33 1 99 00 12 34"',
    since: SINCE,
  }),
  preset: documented(z.enum(PRESET_NAMES).optional(), {
    sentence:
      'The make of the other gateway, whose documented values hold where this tunnel says nothing.',
    paragraph:
      'Algorithms, lifetimes, selectors and times as the maker documents them; every key written here goes before. A text for `phase1` or `phase2` leaves the lifetimes of the preset. `causeway explain preset NAME` and [presets.md](presets.md) show each value with its source, and what has to be asked of the other side.',
    example: 'cisco-ios',
    since: SINCE,
  }),
  ike: documented(ikeVersion.prefault('v1-main'), {
    sentence: 'Version and mode of IKE spoken with this peer.',
    paragraph:
      '`v1-main` is IKEv1 Main mode (RFC 2409 §5.1 and §5.4). `v1-aggressive` is its Aggressive mode, which shows who both ends are to whoever listens, and with a pre-shared key lets him guess the key at home; right only for a peer without a static address that has no certificate. Each is answered only to peers whose tunnel says so. `v2` is not in this version yet.',
    example: 'v1-main',
    since: SINCE,
  }),
  'ike-v1-until': documented(day.optional(), {
    sentence: 'The day by which this tunnel should have left IKEv1.',
    paragraph:
      'IKEv1 is Historic (RFC 9395). From this day on `check`, `status` and the log warn of the tunnel; it goes on working.',
    example: '2027-06-30',
    otherwise: 'no day',
    since: SINCE,
  }),
  'probe-v2': documented(oneOf(['on', 'off']).prefault('on'), {
    sentence: 'Whether the peer is asked now and then if it answers IKEv2.',
    paragraph:
      'One datagram a day, the first message of IKEv2, goes to a configured address; `status` then says whether the tunnel could leave IKEv1. The answer is not authenticated and changes nothing. Never asked where `peer` is `any`.',
    example: '"off"',
    since: SINCE,
  }),
  'second-look': documented(oneOf(['on', 'off']).prefault('on'), {
    sentence: 'Whether a peer that refuses or ignores us is asked what it would take.',
    paragraph:
      'Beside a negotiation that gets nowhere go one or two first messages of phase 1 with many sets of algorithms, or up to ten Quick modes with other ciphers, PFS groups, modes and networks. What the peer agrees to is named in the failure and taken back at once; no SA is made of it. The peer has a few more lines in its log. That is done once in ten minutes for a tunnel; `causeway up` asks anew.',
    example: '"off"',
    since: SINCE,
  }),
  peer: documented(peer, {
    sentence: 'Address or host name of the other gateway.',
    paragraph:
      'IPv4 or IPv6. A host name is looked up as every program of this host does it (`/etc/hosts`, DNS): at the start, at a reload, and about once a minute while the tunnel is not up; the first address of the IP version of our own is taken. A tunnel that is up stays with the address it has, and one that is not, as long as it is among the answers. A name that leads nowhere keeps that tunnel down (CW-109), and nothing else. `any` takes the peer from wherever it comes, known by its `peer-id`, which is then required; the tunnel waits for it (`start: respond`). With a pre-shared key in Main mode all such tunnels at one address of ours share one key, because the responder needs it before it can read who the peer is (RFC 2409 §5.4), and each holder can pose as any other; certificates keep them apart.',
    example: '198.51.100.7',
    since: SINCE,
  }),
  'peer-moves': documented(oneOf(['refuse', 'allow']).prefault('refuse'), {
    sentence: 'Whether the peer may also call from another address than `peer`.',
    paragraph:
      'For a peer whose address changes: `peer` is where we call it first, and with `allow` it is taken from wherever it calls, known by its `peer-id`. That needs a certificate or Aggressive mode.',
    example: 'refuse',
    since: SINCE,
  }),
  address: documented(address.optional(), {
    sentence: 'Our address for this tunnel alone.',
    paragraph: 'For a gateway with several uplinks. Same IP family as `peer`.',
    example: '203.0.113.10',
    otherwise: 'gateway.address',
    since: SINCE,
  }),
  psk: documented(psk.optional(), {
    sentence: 'The pre-shared key, or where it is.',
    paragraph:
      '`file:PATH` (from the folder of the main file), `env:NAME`, or the key itself in quotes. A key file must not be accessible to group or others (`chmod 600`); so must this file when a key stands in it. One line end at the end of a key file is not part of the key; everything else is, spaces included. The key is used as the octets written, never decoded.',
    example: 'file:keys/paris.psk',
    since: SINCE,
  }),
  certificate: documented(certificate.optional(), {
    sentence: 'Instead of a pre-shared key: certificates of both sides.',
    paragraph:
      'Both sides must then use certificates: one side with a key and the other with a certificate never agree. `causeway pki` makes a CA and certificates.',
    example:
      '{own: pki/gw-berlin.pem, key: pki/gw-berlin.key, trust: [pki/plant-ca.pem], peer-id: plant.example.net}',
    since: SINCE,
  }),
  xauth: documented(xauth.optional(), {
    sentence: 'A user name and a password, asked for behind phase 1 (XAUTH).',
    paragraph:
      'In addition to the pre-shared key or certificates, not instead. Both sides must have it. For peers that cannot do without; it makes a group key no better a proof of who the server is.',
    example: '{role: client, user: branch-7, password: file:keys/branch-7.password}',
    since: SINCE,
  }),
  'mode-config': documented(modeConfig.optional(), {
    sentence: 'An address inside the tunnel, given by one side to the other (Mode Config).',
    paragraph:
      'As a client, write `any` as our side of `networks`: phase 2 then asks for the address given, alone. Networks behind a client need address translation to that address.',
    example: '{role: client}',
    since: SINCE,
  }),
  id: documented(localId.optional(), {
    sentence: 'The identity we send.',
    paragraph:
      'An address or a name. Needed behind a static NAT, where peers know the outside address and expect it as identity.',
    example: '203.0.113.10',
    otherwise: 'our address',
    since: SINCE,
  }),
  'peer-id': documented(peerId.optional(), {
    sentence: 'The identity the peer must send.',
    paragraph:
      "In Main mode with a pre-shared key this is the peer's address and need not be written. Where `peer` is a host name it is the address that leads to; with a certificate it is the name itself, which the certificate must vouch for. Some devices send another identity all the same (a host name, or the address behind their NAT): say so on purpose with `peer-id: {sends: asa1.example}`. The key is still found by the address, and that identity and no other is then accepted. With `peer: any` it tells the tunnels at one address of ours apart. `{any-of: trust}` and `{any-of: psk}` take whoever has the proof.",
    example: '{sends: asa1.example}',
    otherwise: "the peer's address; with a certificate, its host name where `peer` is one",
    since: SINCE,
  }),
  phase1: documented(phase1, {
    sentence: 'Algorithms and lifetime of the IKE SA.',
    paragraph:
      'One proposal as text, encryption-hash-group, or the keys below. Names of all dialects are read: `aes256`, `aes-256-cbc`, `AES-CBC-256`; `group14`, `dh14`, `modp2048`. Left out, strong algorithms are offered, best first. What RFC 8247 advises against is used only when written, and warned of.',
    example: 'aes256-sha256-group14',
    since: SINCE,
  }),
  phase2: documented(phase2, {
    sentence: 'Algorithms and lifetime of the Child SAs, which carry the traffic.',
    paragraph:
      'One proposal as text, encryption or encryption-integrity, with `, pfs GROUP` after it, or the keys below. Left out, AES-GCM and AES-CBC with HMAC-SHA-256 are offered.',
    example: 'aes256gcm16, pfs group14',
    since: SINCE,
  }),
  networks: documented(networks.optional(), {
    sentence: 'Which traffic goes through the tunnel: ours <-> theirs.',
    paragraph:
      'A list of pairs of networks, ranges or addresses, each side mirrored in the file of the peer; a protocol and port may follow (`tcp/443`). IKEv1 cannot narrow: both files must say exactly the same (but see `narrow`). Each pair is a Child SA of its own. `any` negotiates everything with everything (0.0.0.0/0, and ::/0 when the interface has an address or a route of IPv6) and leaves the choice to `interface.routes`: a route-based tunnel, what other makers call VTI.',
    example: '["10.1.0.0/16 <-> 10.2.0.0/16", "10.1.0.0/16 <-> 10.3.7.0/24 tcp/443"]',
    since: SINCE,
  }),
  narrow: documented(oneOf(['refuse', 'allow']).prefault('refuse'), {
    sentence: 'Whether the peer may ask for a part of a network pair.',
    paragraph:
      'IKEv1 has no narrowing: normally both sides name the same networks, and what differs is refused, which shows a mistake at once. `allow` takes what the peer asks for where a pair of ours covers it, such as one host of a network, or everything with `networks: any`. The Child SA then carries that part and no more, and one part of each pair at a time. Only the peer can open such a tunnel; `start: respond` fits.',
    example: 'refuse',
    since: SINCE,
  }),
  mode: documented(oneOf(['tunnel', 'transport']).prefault('tunnel'), {
    sentence: 'Whether whole packets are wrapped, or only their payload.',
    paragraph:
      '`tunnel` connects networks. `transport` protects traffic between the two gateways themselves; its networks are then the two addresses.',
    example: 'tunnel',
    since: SINCE,
  }),
  start: documented(oneOf(['always', 'on-traffic', 'respond']).optional(), {
    sentence: 'When the tunnel should be up.',
    paragraph:
      '`always`: from start to stop, and re-established whenever it is not. `on-traffic`: at the first packet for it. `respond`: when the peer asks.',
    example: 'always',
    otherwise: '`always`; `respond` with `peer: any`',
    since: SINCE,
  }),
  encapsulation: documented(oneOf(['auto', 'force']).prefault('auto'), {
    sentence: 'Whether ESP travels inside UDP.',
    paragraph:
      '`auto` uses UDP port 4500 when a NAT is found on the way (RFC 3947) and IP protocol 50 otherwise. `force` always uses UDP, for paths that drop protocol 50.',
    example: 'auto',
    since: SINCE,
  }),
  proof: documented(oneOf(['auto', 'off']).prefault('auto'), {
    sentence: 'Whether a new tunnel is tried out in its first minute.',
    paragraph:
      'With `auto` and `start: always`, the side that began asks the peer for a sign of life and rekeys both phases once, soon after the tunnel has come up for the first time since it was configured; and packets of full size must have passed both ways. What would fail at the first rekey, an hour or a day later, fails then and is told as CW-603, while the tunnel that works is kept. `off` leaves rekeys to the lifetimes.',
    example: 'auto',
    since: SINCE,
  }),
  'replay-window': documented(replayWindow.prefault(1024), {
    sentence: 'How late a packet may come and still be accepted.',
    paragraph:
      'Packets behind the newest, a multiple of 32. Larger on paths that reorder, or with QoS before the tunnel. 0 turns replay protection off.',
    example: '1024',
    unit: 'packets',
    since: SINCE,
  }),
  quirks: documented(z.array(oneOf(['sha256-96'])).prefault([]), {
    sentence: 'Faults of the peer that this gateway is to live with.',
    paragraph:
      '`sha256-96`: the peer cuts HMAC-SHA-256 in ESP to 96 bits, as a draft had it, where RFC 4868 says 128 (Linux before 2.6.33 and gateways built on it). Both directions then do; with a peer that does not, no packet gets through. Better is another algorithm, such as `aes256gcm16`. CW-506 tells when a peer needs it.',
    example: '[sha256-96]',
    otherwise: 'none',
    since: SINCE,
  }),
  'dead-peer': documented(
    z
      .strictObject({
        'probe-every': documented(duration('2s', '1h').prefault('10s'), {
          sentence: 'How long the peer may be silent before it is asked for a sign of life.',
          paragraph: 'Nothing is sent while packets arrive from it (RFC 3706).',
          example: '10s',
          since: SINCE,
        }),
        'give-up-after': documented(duration('6s', '1d').prefault('30s'), {
          sentence: 'How long it may stay silent before it counts as dead.',
          paragraph:
            'The tunnel is then taken down. What follows is what `start` says: with `always` it is built again at once and for as long as it takes (what others call restart), with `on-traffic` at the next packet for it (hold), with `respond` when the peer comes back (clear). Until then its packets are dropped, never sent in clear. At least twice `probe-every`, so that one lost packet is no death.',
          example: '30s',
          since: SINCE,
        }),
      })
      .prefault({}),
    {
      sentence: 'How a silent peer is noticed.',
      paragraph:
        'Needs dead peer detection (RFC 3706) in the peer, which nearly all have. What other products call the action for a dead peer follows from `start`: `respond` is their clear, `on-traffic` their hold, `always` their restart.',
      example: '{probe-every: 10s, give-up-after: 30s}',
      since: SINCE,
    },
  ),
  interface: documented(
    z
      .strictObject({
        name: documented(interfaceName.optional(), {
          sentence: 'Name of the network interface of the tunnel.',
          paragraph: 'At most 15 characters, as Linux has it. Firewall rules can match on it.',
          example: 'cw-paris',
          otherwise: 'cw- and the name of the tunnel, shortened where it is too long',
          since: SINCE,
        }),
        mtu: documented(z.int().min(576).max(65535).optional(), {
          sentence: 'Largest packet the tunnel takes.',
          paragraph:
            'Needed only where the path between the gateways is narrower than it says. At least 1280 when IPv6 goes through the tunnel (RFC 8200 §5).',
          example: '1400',
          otherwise: 'computed from the path and the algorithms',
          unit: 'octets',
          since: SINCE,
        }),
        address: documented(interfaceAddresses.optional(), {
          sentence: 'Addresses the interface gets, one or a list.',
          paragraph:
            'For routing protocols over the tunnel, or as source of what the gateway itself sends. The network of an address shorter than a single host is routed into the tunnel with `routes`.',
          example: '169.254.10.1/30',
          otherwise: 'none: the interface needs no address',
          since: SINCE,
        }),
        routes: documented(routes.optional(), {
          sentence: 'What is routed into the tunnel, one network or a list.',
          paragraph:
            'Written, the tunnel is route-based: these networks are routed into it while it is up. While it is down the interface has no carrier and the routes are withdrawn, so that another tunnel with the same route takes over; without one the packets are dropped, never sent in clear. (With `start: on-traffic` the routes stay, since a packet must be able to ask for the tunnel.) Nothing is routed that is not listed, not even with `networks: any`; an empty list leaves it to a routing daemon.',
          example: '["10.2.0.0/16", "10.3.0.0/16"]',
          otherwise: 'the networks of the other side, always',
          since: SINCE,
        }),
      })
      .prefault({}),
    {
      sentence: 'The network interface that the traffic of this tunnel passes.',
      paragraph: 'Made when the gateway starts and removed when it stops.',
      example: '{name: cw-paris, mtu: 1400}',
      since: SINCE,
    },
  ),
  watch: documented(watch.optional(), {
    sentence: 'A host in the far site that is asked again and again whether it is there.',
    paragraph:
      'An ICMP echo goes to it through the tunnel every five seconds, as from any host here. `status` shows how long the answer took and how many were lost; after three without an answer in a row the tunnel counts as degraded (CW-503) although it is up, until one comes. It is asked from an address of this gateway in the local network, so the gateway must have one there, and the other side must let an echo of it pass. A change does not touch the tunnel.',
    example: 'ping 10.8.0.1',
    otherwise: 'none',
    since: SINCE,
  }),
}

/** What may stand in a file that `include` names. */
export const includedFileKeys: KeyTable<
  Pick<FileDraft, 'tunnels'> & { readonly version: 1 | undefined }
> = {
  version: fileKeys.version.optional(),
  tunnels: fileKeys.tunnels,
}
