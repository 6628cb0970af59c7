/**
 * What `causeway status --json` prints and the control socket answers. Stable: fields are added, never renamed or given
 * another meaning, while `schema` is 1. `docs/status-json.md` describes every field and a test holds the two together.
 */
export type StatusDocument = {
  readonly schema: 1
  /** Version of the running gateway. */
  readonly causeway: string
  /** When this was taken; ages are differences to it. */
  readonly at: Timestamp
  readonly gateway: GatewayStatus
  readonly summary: {
    readonly tunnels: number
    readonly up: number
    /** True when every network pair of every tunnel with `start: always` is up. */
    readonly ok: boolean
  }
  readonly tunnels: readonly TunnelStatus[]
  /** Datagrams that belonged to no SA or could not be used, by cause. */
  readonly dropped: Readonly<Record<string, number>>
  /** Bugs met and survived; each is in the log once. */
  readonly defects: number
}

/** ISO 8601 in UTC, with milliseconds. */
export type Timestamp = string

export type GatewayStatus = {
  readonly name: string
  readonly startedAt: Timestamp
  readonly pid: number
  /** Folder into which the keys of every SA are being written (`run --wireshark-keys`). */
  readonly wiresharkKeys?: string
  readonly configuration: {
    readonly file: string
    readonly loadedAt: Timestamp
    /** Set when a later reload was refused; the configuration of `loadedAt` still runs. */
    readonly refused?: { readonly at: Timestamp; readonly problems: string }
    /** Applied for a trial: what was before comes back then, unless it is confirmed. */
    readonly confirmBy?: Timestamp
    /** The file was applied and taken back; it still says what does not run. */
    readonly undone?: { readonly at: Timestamp; readonly why: 'not-confirmed' | 'operator' }
  }
}

export type PeerNameStatus = {
  readonly name: string
  /** What the last lookup that found any has found, in its order; of both IP versions. */
  readonly addresses: readonly string[]
  readonly foundAt?: Timestamp
  /** Why the last lookup found none. */
  readonly trouble?: string
}

export type TunnelStatus = {
  readonly name: string
  readonly note?: string
  readonly state: 'up' | 'connecting' | 'down' | 'stopped'
  /** Since when it is in this state. */
  readonly since: Timestamp
  readonly start: 'always' | 'on-traffic' | 'respond'
  readonly local: string
  /** An address, `any`, or `unresolved` while `peerName` leads to none. */
  readonly peer: string
  /** Where `peer` is written as a host name. */
  readonly peerName?: PeerNameStatus
  readonly interface: string
  /** Inner MTU in octets; absent before the data plane knows it. */
  readonly mtu?: number
  readonly networks: readonly NetworkStatus[]
  readonly ikeSas: readonly IkeSaStatus[]
  readonly childSas: readonly ChildSaStatus[]
  /** Inner packets since the gateway started, SAs that are gone included. */
  readonly traffic: { readonly in: TunnelTraffic; readonly out: TunnelTraffic }
  /** Packets dropped, since the gateway started. */
  readonly dropped: SaDropped & {
    readonly noSa: number
    readonly noPolicy: number
    readonly tooBig: number
    readonly notSent: number
    /** Absent where the host does not say. */
    readonly queueFull?: number
  }
  readonly rekeys: number
  readonly failures: number
  readonly retryAt?: Timestamp
  readonly peerAliveAt?: Timestamp
  /** Ours, where we prove ourselves by one, and what the peer of the newest ISAKMP SA has shown. */
  readonly certificate?: { readonly own?: CertificateStatus; readonly peer?: CertificateStatus }
  /** What the tunnel has shown since it came up; absent where `proof` is off, or the peer began. */
  readonly proof?: ProofStatus
  /** Absent before there was an SA. */
  readonly path?: PathStatus
  /** The day by which the tunnel should have left IKEv1, `2027-06-30`. */
  readonly ikeV1Until?: string
  /** Whether the peer answers IKEv2, as far as it could be asked. */
  readonly ikeV2?: IkeV2Status
  /** Absent without `watch`. */
  readonly watch?: WatchStatus
  /** What happened to it while it had been working, oldest first; the last twenty. */
  readonly history?: readonly IncidentStatus[]
  /** Messages the peer has not answered for some time, and is still given time to. */
  readonly unanswered?: readonly UnansweredStatus[]
  /** The newest of what has not passed since, of phase 1 or of a network pair. */
  readonly lastFailure?: FailureStatus
  /** Why the tunnel, though it is up, does not carry what it should; gone when it does. */
  readonly degraded?: DegradedStatus
}

/** The latest echoes to the host that `watch` names, sixty at most. */
export type WatchStatus = {
  readonly target: string
  readonly asked: number
  readonly lost: number
  /** Milliseconds, of the latest answer. */
  readonly roundTrip?: number
  readonly answeredAt?: Timestamp
  /** Set after three in a row that were not answered. */
  readonly silentSince?: Timestamp
  /** The tunnel is up, but no SA is there for the host's network, or this gateway has no address that could ask through it. */
  readonly unasked?: 'no-sa' | 'no-address'
}

export type IncidentStatus = {
  readonly at: Timestamp
  readonly code: string
  readonly summary: string
  /** Milliseconds until it worked again; absent while it does not. */
  readonly lasted?: number
}

export type UnansweredStatus = {
  readonly phase: 1 | 2
  /** Of phase 2: index into `networks`. */
  readonly pair?: number
  readonly exchange: 'main' | 'aggressive' | 'quick'
  /** Its place in the exchange. */
  readonly message: number
  /** How often, so far. */
  readonly sent: number
  /** When it was sent first, and when it is given up. */
  readonly since: Timestamp
  readonly until: Timestamp
  /** What it will have failed of, as far as is known, should no answer come. */
  readonly failure: FailureStatus
}

export type DegradedStatus = FailureStatus & { readonly since: Timestamp }

export type CertificateStatus = { readonly subject: string; readonly notAfter: Timestamp }

export type ProofStatus = {
  /** When the peer had answered, both phases had been rekeyed and packets of full size had passed both ways. */
  readonly provenAt?: Timestamp
  readonly seen: readonly ProofPartStatus[]
  /** What the peer gives no means to show, once all the rest has been seen. */
  readonly unshown?: readonly ProofPartStatus[]
  /** Why it could not be proven; the tunnel works until its SAs end. */
  readonly failure?: Pick<FailureStatus, 'code' | 'summary' | 'remedy' | 'line'>
}

/** `full-size-packet`: both ways; `full-size-packet-sent`: to the peer. */
export type ProofPartStatus =
  | 'peer-answered'
  | 'phase-2-rekeyed'
  | 'phase-1-rekeyed'
  | 'full-size-packet'
  | 'full-size-packet-sent'

/** How large packets may be on their way, asked of the way itself. */
export type PathStatus = {
  /** Octets of outer packets, and what that leaves for those inside. */
  readonly octets: number
  readonly inner: number
  /** What the host and routers say of the way. */
  readonly host: number
  /** CW-505: larger packets than `octets` vanish although nobody says so. */
  readonly blackHole: boolean
  /** Asked by ICMP echo through the tunnel, or by padded liveness probes beside it. */
  readonly by: 'inside' | 'liveness'
  /** How far packets of that size were seen to come; absent while that is being tried. */
  readonly shown?: 'both-ways' | 'outwards' | 'nothing'
  readonly probedAt?: Timestamp
}

/** Unauthenticated: whoever stands between can have said it. */
export type IkeV2Status = {
  /** `not-for-us`: it speaks IKEv2 and has no configuration for us; `no`: it said it does not; `none`: it said nothing. */
  readonly answer: 'yes' | 'not-for-us' | 'no' | 'none'
  readonly askedAt: Timestamp
  /** What to change, where something can be. */
  readonly change?: string
}

export type TrafficTotals = { readonly packets: number; readonly octets: number }

/** With the rate of the last 5 to 10 seconds. */
export type TunnelTraffic = TrafficTotals & { readonly bitsPerSecond: number }

/** One `ours <-> theirs` of the configuration. */
export type NetworkStatus = {
  readonly local: string
  readonly remote: string
  /** `idle`: nobody wants it now. `failed`: wanted, and the last negotiation came to nothing. */
  readonly state: 'up' | 'connecting' | 'idle' | 'failed'
  /** The next attempt, where it is not made at once. */
  readonly retryAt?: Timestamp
  /** What its last negotiation came to nothing of, until one passes. */
  readonly failure?: FailureStatus
}

export type IkeSaStatus = {
  readonly initiatorSpi: string
  readonly responderSpi: string
  readonly role: 'initiator' | 'responder'
  readonly version: string
  readonly exchange: string
  /** As the configuration file would write it: `aes256-sha256-group14`. */
  readonly suite: string
  readonly local: string
  readonly remote: string
  readonly localId: string
  readonly remoteId: string
  readonly peerVendor?: string
  readonly nat: { readonly local: boolean; readonly remote: boolean }
  /** Whom the peer logged in as by XAUTH. */
  readonly user?: string
  /** What the peer gave us by Mode Config. */
  readonly assigned?: {
    readonly addresses: readonly string[]
    readonly dns: readonly string[]
    readonly networks: readonly string[]
  }
  readonly establishedAt: Timestamp
  readonly rekeyAt: Timestamp
  readonly expiresAt: Timestamp
}

export type ChildSaStatus = {
  /** Index into `networks`. */
  readonly pair: number
  readonly state: 'active' | 'draining'
  /** What was agreed on; may be narrower than the pair. */
  readonly local: string
  readonly remote: string
  readonly suite: string
  readonly pfs: string
  readonly mode: 'tunnel' | 'transport'
  readonly encapsulation: 'native' | 'udp'
  readonly in: SaTraffic
  readonly out: SaTraffic
  readonly establishedAt: Timestamp
  readonly rekeyAt: Timestamp
  readonly expiresAt: Timestamp
}

export type SaTraffic = TrafficTotals & {
  /** Eight hexadecimal digits. */
  readonly spi: string
  /** The highest number sent or accepted. */
  readonly sequence: number
  readonly lastUsedAt?: Timestamp
  /** Packets of this SA that were dropped, by cause. */
  readonly dropped: SaDropped
}

export type SaDropped = {
  readonly replayed: number
  readonly badIcv: number
  readonly badPadding: number
  readonly outsideSelectors: number
  readonly malformed: number
  readonly congested: number
  readonly exhausted: number
  readonly cannotCarry: number
}

export type FailureStatus = {
  readonly code: string
  readonly summary: string
  readonly ours?: string
  readonly theirs?: string
  readonly evidence: string
  readonly certainty: 'certain' | 'very likely' | 'possible'
  readonly remedy: string
  /** A command line that tells more. */
  readonly findOut?: string
  /** What to write to the peer's administrator. */
  readonly forPeer?: string
  /** What else it could be, most likely first, three at most. */
  readonly otherCauses?: readonly string[]
  /** The line of the configuration that decides. */
  readonly line?: { readonly file: string; readonly line: number; readonly column: number }
}
