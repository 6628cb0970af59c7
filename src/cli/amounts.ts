const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** `214M`: three digits at most, for a table. */
export function shortOctets(octets: number): string {
  const { value, power } = scaled(octets)
  return `${threeDigits(value)}${power === 0 ? '' : (BINARY[power]?.[0] ?? '')}`
}

/** `214.3 MiB`. */
export function longOctets(octets: number): string {
  const { value, power } = scaled(octets)
  return `${power === 0 ? value : value.toFixed(1)} ${BINARY[power]}`
}

/** `188,204`. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',')
}

function scaled(octets: number): { value: number; power: number } {
  let value = octets
  let power = 0
  while (value >= 999.5 && power < BINARY.length - 1) {
    value /= 1024
    power++
  }
  return { value, power }
}

function threeDigits(value: number): string {
  return value < 9.95 && !Number.isInteger(value) ? value.toFixed(1) : String(Math.round(value))
}
