/** A connection as strongSwan is to have it. Algorithm strings are strongSwan's: `aes256-sha256-modp2048`. */
export type SwanConnection = {
  readonly name: string
  /** 1 unless told. */
  readonly version?: 1 | 2
  readonly local: string
  readonly remote: string
  /** The addresses unless told. */
  readonly localId?: string
  readonly remoteId?: string
  /** Either of the two. */
  readonly psk?: string | undefined
  readonly certificate?: SwanCertificate | undefined
  /** IKEv1: Main mode unless told. */
  readonly aggressive?: boolean
  readonly proposals: readonly string[]
  /** Always inside UDP 4500; the userspace ESP of strongSwan can nothing else. */
  readonly encap: boolean
  readonly children: readonly SwanChild[]
  /** Seconds; 0 or absent: strongSwan never probes. */
  readonly dpdDelay?: number
  /** IKEv1: seconds of silence before the peer counts as dead; absent: 150. */
  readonly dpdTimeout?: number
  /** IKEv1: strongSwan logs in by XAUTH, or has these users. */
  readonly xauth?: {
    readonly role: 'client' | 'server'
    readonly user: string
    readonly password: string
    /** In place of the client's certificate, not behind it. */
    readonly hybrid?: boolean
  }
  /** Mode Config: strongSwan asks for an address, of IPv4 unless told, or gives this one. */
  readonly modeConfig?: {
    readonly asks?: '0.0.0.0' | '::'
    readonly gives?: string
    readonly method?: 'pull' | 'push'
  }
  /** Cut messages into fragments also before the peer has said that it joins them; or never, and do not say that we join any. */
  readonly fragmentation?: 'force' | 'no'
  /** Seconds of the IKE SA, before strongSwan replaces it; absent: 4 h. */
  readonly rekeyTime?: number
}

export type SwanChild = {
  readonly name: string
  readonly localTs: readonly string[]
  readonly remoteTs: readonly string[]
  /** With a DH group at the end: PFS. */
  readonly proposals: readonly string[]
  /** Seconds before strongSwan rekeys; absent: 1 h. */
  readonly rekeyTime?: number
  readonly startAction?: 'none' | 'trap' | 'start'
  /** Policies with the same number use the same SAs. */
  readonly reqid?: number
  /** Tunnel unless told. */
  readonly mode?: 'tunnel' | 'transport'
  /** What follows when the peer is dead; `clear` unless told. */
  readonly dpdAction?: 'clear' | 'trap' | 'restart'
}

/** Files in strongSwan's folders `x509` and `x509ca`; keys are found by their certificates. */
export type SwanCertificate = {
  readonly own: string
  /** The CA that must have issued the peer's certificate. */
  readonly trust: string
  /** Whether a revocation list must clear the peer; absent: one that is there is heeded. */
  readonly revocation?: 'strict' | 'ifuri' | 'relaxed'
}

export function swanctlConf(connections: readonly SwanConnection[]): string {
  return [
    'connections {',
    ...connections.flatMap((one) => [
      `  ${one.name} {`,
      `    version = ${one.version ?? 1}`,
      `    local_addrs = ${one.local}`,
      `    remote_addrs = ${one.remote}`,
      `    proposals = ${one.proposals.join(',')}`,
      `    encap = ${one.encap ? 'yes' : 'no'}`,
      `    aggressive = ${one.aggressive === true ? 'yes' : 'no'}`,
      `    dpd_delay = ${one.dpdDelay ?? 0}s`,
      ...(one.dpdTimeout === undefined ? [] : [`    dpd_timeout = ${one.dpdTimeout}s`]),
      ...(one.fragmentation === undefined ? [] : [`    fragmentation = ${one.fragmentation}`]),
      ...(one.rekeyTime === undefined ? [] : [`    rekey_time = ${one.rekeyTime}s`]),
      '    local {',
      ...(loggingIn(one, 'client') ??
        (one.certificate === undefined
          ? ['      auth = psk']
          : ['      auth = pubkey', `      certs = ${one.certificate.own}`])),
      `      id = "${one.localId ?? one.local}"`,
      '    }',
      '    remote {',
      ...(loggingIn(one, 'server') ??
        (one.certificate === undefined
          ? ['      auth = psk']
          : [
              '      auth = pubkey',
              `      cacerts = ${one.certificate.trust}`,
              `      revocation = ${one.certificate.revocation ?? 'relaxed'}`,
            ])),
      `      id = "${one.remoteId ?? one.remote}"`,
      '    }',
      ...xauthRounds(one),
      ...(one.modeConfig === undefined
        ? []
        : [
            `    pull = ${one.modeConfig.method === 'push' ? 'no' : 'yes'}`,
            one.modeConfig.gives === undefined
              ? `    vips = ${one.modeConfig.asks ?? '0.0.0.0'}`
              : `    pools = pool-${one.name}`,
          ]),
      '    children {',
      ...one.children.flatMap((child) => [
        `      ${child.name} {`,
        `        local_ts = ${child.localTs.join(',')}`,
        `        remote_ts = ${child.remoteTs.join(',')}`,
        `        esp_proposals = ${child.proposals.join(',')}`,
        ...(child.rekeyTime === undefined ? [] : [`        rekey_time = ${child.rekeyTime}s`]),
        `        start_action = ${child.startAction ?? 'none'}`,
        ...(child.reqid === undefined ? [] : [`        reqid = ${child.reqid}`]),
        `        mode = ${child.mode ?? 'tunnel'}`,
        `        dpd_action = ${child.dpdAction ?? 'clear'}`,
        '      }',
      ]),
      '    }',
      '  }',
    ]),
    '}',
    'pools {',
    ...connections.flatMap(({ name, modeConfig }) =>
      modeConfig?.gives === undefined
        ? []
        : [`  pool-${name} {`, `    addrs = ${modeConfig.gives}`, '  }'],
    ),
    '}',
    'secrets {',
    ...connections.flatMap(({ name, xauth }) =>
      xauth === undefined
        ? []
        : [
            `  xauth-${name} {`,
            `    id = ${xauth.user}`,
            `    secret = "${xauth.password}"`,
            '  }',
          ],
    ),
    ...connections.flatMap((one) =>
      one.psk === undefined
        ? []
        : [
            `  ike-${one.name} {`,
            `    id-1 = "${one.localId ?? one.local}"`,
            `    id-2 = "${one.remoteId ?? one.remote}"`,
            `    secret = "${one.psk}"`,
            '  }',
          ],
    ),
    '}',
    '',
  ].join('\n')
}

/** The second round of authentication, which is only the client's. */
function xauthRounds({ xauth }: SwanConnection): readonly string[] {
  if (xauth === undefined || xauth.hybrid === true) return []
  const side = xauth.role === 'client' ? 'local' : 'remote'
  return [`    ${side}-xauth {`, '      round = 2', ...userOf(xauth), '    }']
}

/** In hybrid authentication the only round of the client. */
function loggingIn(
  { xauth }: SwanConnection,
  role: 'client' | 'server',
): readonly string[] | undefined {
  return xauth?.hybrid === true && xauth.role === role ? userOf(xauth) : undefined
}

function userOf({ role, user }: NonNullable<SwanConnection['xauth']>): readonly string[] {
  return ['      auth = xauth', ...(role === 'client' ? [`      xauth_id = ${user}`] : [])]
}

export type StrongswanSettings = {
  /** `userspace`: kernel-libipsec; `kernel`: XFRM, for a kernel that has ESP. */
  readonly esp: 'userspace' | 'kernel'
  readonly vici: string
  readonly log: string
  /** `secrets` prints every intermediate secret: the quickest way to see which derivation differs. */
  readonly level: 'normal' | 'secrets'
  /** Octets of an IP packet above which strongSwan cuts IKE messages; absent: 1,280. */
  readonly fragmentSize?: number
  /** What strongSwan does unless it is told not to: at most five half-open IKE SAs with one address, cookies beyond. */
  readonly dosProtection?: boolean
}

export function strongswanConf({
  esp,
  vici,
  log,
  level,
  fragmentSize = 1_280,
  dosProtection = false,
}: StrongswanSettings): string {
  const secrets = level === 'secrets'
  return `
charon {
  load_modular = no
  load = ${['random nonce aes sha1 sha2 md5 hmac kdf gcm gmp pkcs1 pem pkcs8 x509 revocation pubkey openssl curve25519 xauth-generic', ...(esp === 'userspace' ? ['kernel-libipsec'] : []), 'kernel-netlink socket-default vici updown'].join(' ')}
  # Many short negotiations from few addresses are what these tests are made of.
  dos_protection = ${dosProtection ? 'yes' : 'no'}
  fragment_size = ${fragmentSize}
  retransmit_tries = 3
  retransmit_timeout = 1.0
  retransmit_base = 1.5
  i_dont_care_about_security_and_use_aggressive_mode_psk = yes
  plugins {
    vici {
      socket = ${vici}
    }
  }
  filelog {
    file {
      path = ${log}
      flush_line = yes
      time_format = %T
      default = 1
      ike = ${secrets ? 4 : 2}
      chd = ${secrets ? 4 : 2}
      cfg = 2
      enc = ${secrets ? 3 : 1}
      esp = 1
    }
  }
}
`
}
