import type { Load } from './loads.ts'

/** Everything of one run, as `--json` writes it. */
export type Report = {
  readonly date: string
  readonly machine: string
  readonly rounds: number
  readonly seconds: number
  readonly absent: Readonly<Record<string, string>>
  /** Medians by load and way: bit/s for TCP, packets/s for UDP. */
  readonly medians: Readonly<Record<string, Readonly<Record<string, Spread>>>>
  /** Medians of the quotients of each round, Causeway over the others; `ratios.tcp1.overNoVpn` and so on. */
  readonly ratios: Readonly<Record<string, Readonly<Record<string, number>>>>
  readonly cpuSecondsPerGigabyte: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Microseconds. */
  readonly latency: Readonly<Record<string, Readonly<Record<string, Latency>>>>
  /** Octets, both gateways together, highest so far. */
  readonly peakMemory: Readonly<Record<string, number>>
  readonly crypto?: readonly CryptoResult[]
}

export type Spread = { readonly median: number; readonly min: number; readonly max: number }
export type Latency = { readonly median: number; readonly p99: number }
export type CryptoResult = {
  readonly cipher: string
  readonly octets: number
  /** Nanoseconds to seal, and to open, one packet, everything included. */
  readonly seal: number
  readonly open: number
  /** Nanoseconds `openssl speed` needs for as many octets, with the OpenSSL of the system. */
  readonly openssl: number | undefined
  /** Nanoseconds that C with the OpenSSL of the system needs to seal one and open one, together. */
  readonly inC: number
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** Undefined values are not in the list; an empty one gives NaN. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

/** Quotients round by round, because the machine is not the same from one minute to the next. */
export function ratio(ours: readonly number[], theirs: readonly number[]): number {
  return median(ours.map((value, round) => value / (theirs[round] ?? Number.NaN)))
}

/** `noVpn` → `overNoVpn`. */
export function overName(name: string): string {
  return `over${name.charAt(0).toUpperCase()}${name.slice(1)}`
}

export function table(report: Report, loads: readonly Load[]): string {
  const names = [...new Set(loads.flatMap(({ name }) => Object.keys(report.medians[name] ?? {})))]
  const rows = [
    ['', ...names],
    ...loads.map(({ name, unit }) => [
      `${name} ${unit === 'bit/s' ? 'Gb/s' : 'k/s'}`,
      ...names.map((way) =>
        number(report.medians[name]?.[way]?.median, unit === 'bit/s' ? 1e9 : 1e3),
      ),
    ]),
    ...loads.map(({ name }) => [
      `${name} CPU s/GB`,
      ...names.map((way) => number(report.cpuSecondsPerGigabyte[name]?.[way], 1)),
    ]),
    ...Object.entries(report.latency).flatMap(([when, by]) => [
      [`ping ${when} median µs`, ...names.map((way) => number(by[way]?.median, 1))],
      [`ping ${when} p99 µs`, ...names.map((way) => number(by[way]?.p99, 1))],
    ]),
    ['peak memory MB', ...names.map((way) => number(report.peakMemory[way], 1e6))],
  ]
  const ratios = Object.entries(report.ratios).map(([load, by]) => [
    `ratios.${load}`,
    ...Object.entries(by).map(([name, value]) => `${name} ${value.toFixed(3)}`),
  ])
  return [columns(rows), columns(ratios), cryptoTable(report.crypto ?? [])]
    .filter((part) => part !== '')
    .join('\n\n')
}

export function cryptoTable(results: readonly CryptoResult[]): string {
  const rows = results.map(({ cipher, octets, seal, open, openssl, inC }) => [
    `${cipher} ${octets}`,
    `seal ${seal.toFixed(0)} ns`,
    `open ${open.toFixed(0)} ns`,
    openssl === undefined ? '' : `openssl ${openssl.toFixed(0)} ns`,
    openssl === undefined ? '' : `ratio ${((2 * openssl) / (seal + open)).toFixed(2)}`,
    `in C ${(inC / 2).toFixed(0)} ns`,
    `ratio ${(inC / (seal + open)).toFixed(2)}`,
  ])
  return columns(rows)
}

function number(value: number | undefined, unit: number): string {
  if (value === undefined || Number.isNaN(value)) return '–'
  const scaled = value / unit
  return scaled.toFixed(scaled >= 100 ? 0 : 2)
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length)
    })
  }
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
