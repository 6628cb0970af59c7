import type { Secret } from '#bytes/secret'

/** A statement of the configuration that is read; `text` may be shown: secrets in it are blanked. */
export type Origin = { readonly file: string; readonly line: number; readonly text: string }

/** What became of one statement. Each of a tunnel has one of these. */
export type Note = { readonly origin: Origin } & (
  | { readonly kind: 'taken'; readonly key: string }
  /** Nothing had to be written: it is so here anyway. */
  | { readonly kind: 'default'; readonly why: string }
  | { readonly kind: 'left-out'; readonly why: string }
)

/** One of our keys with what it is given. */
export type Value = {
  readonly key: string
  readonly value: string | number | readonly string[]
  /** Where it stood; empty where it is the default of the product that is read. */
  readonly origins: readonly Origin[]
  /** Where no statement says it. */
  readonly why?: string
}

export type ImportedTunnel = {
  readonly name: string
  readonly at: Origin
  readonly values: readonly Value[]
  /** Goes into a key file, and is what `psk` names. */
  readonly psk?: Secret
  /** The same for the password of XAUTH. */
  readonly password?: Secret
  /** The same for the passphrase of our private key. */
  readonly passphrase?: Secret
  /** Who may log in by XAUTH; goes into the file that `xauth.users` names. */
  readonly users?: readonly ImportedUser[]
  readonly notes: readonly Note[]
  /** What the operator should know or do, beyond the statements. */
  readonly remarks: readonly string[]
}

export type ImportedUser = { readonly user: string; readonly password: Secret }

export type SkippedTunnel = { readonly name: string; readonly at: Origin; readonly why: string }

export type Imported = {
  readonly format: ImportFormat
  readonly tunnels: readonly ImportedTunnel[]
  readonly skipped: readonly SkippedTunnel[]
  /** Of statements that belong to no tunnel. */
  readonly notes: readonly Note[]
  /** Lines about other things than IPsec, in the configuration of a whole device. */
  readonly otherLines: number
}

export type ImportFormat =
  | 'strongswan-swanctl'
  | 'strongswan-ipsec'
  | 'libreswan'
  | 'cisco-ios'
  | 'cisco-asa'
  | 'aws'
  | 'juniper-srx'
  | 'fortigate'

/** What the texts themselves do not say. */
export type ImportOptions = {
  /** Addresses that are ours, given by the operator or those of this host: they tell which side is ours. */
  readonly ourAddresses: readonly string[]
  /** Ours where the text says none; given by the operator. */
  readonly ourAddress?: string
}

export type SourceText = { readonly file: string; readonly text: string }

/** Bounds the work that a hostile or absurd text can cause. */
export const MOST_LINES = 200_000
export const MOST_TUNNELS = 1_000
